"""``chartside consent forms``, ``lint`` and ``read-text``: nothing here needs an EHR."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from chartside.codes import ConsentType

from .cli_parts import DEFAULT_CONFIG, AsJson, ConfigOption, print_json

if TYPE_CHECKING:
    from .forms import Form, Forms

Kind = Annotated[ConsentType | None, typer.Option("--show", help="Print the words of the form of this kind.")]
Language = Annotated[str, typer.Option(help="en or es.")]


def forms(
    show: Kind = None,
    language: Language = "en",
    save: Annotated[
        Path | None, typer.Option(help="Write all forms as JSON into this new folder, to make them your own.")
    ] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """List the forms that can be signed, print one, or save them to make them your own.

    Your own forms are those of the folder plugins.consent.forms of the config, where there is one.

    Examples: `chartside consent forms`, `chartside consent forms --show ai-use --language es`,
    `chartside consent forms --save our-forms`
    """
    found = _forms(config)
    if show:
        form = found.get(show, language)
        typer.echo("\n".join(_words(form)))
    elif save:
        _save(found, save)
    elif as_json:
        print_json([_row(form) for form in found])
    else:
        from chartside.commands.show import table

        table(
            ("kind", "language", "version", "title", "from", "SHA-256"),
            [list(_row(f).values()) for f in found],
        )


def _forms(config: Path) -> Forms:
    from .forms import Forms

    folder = None
    if config.is_file():
        from chartside.config import load

        from .settings import Settings

        loaded = load(config)
        own = {k: v for k, v in loaded.plugins.get("consent", {}).items() if k != "enabled"}
        folder = Settings.model_validate(own, context={"folder": loaded.folder}).forms
    return Forms(folder)


def _row(form: Form) -> dict[str, str]:
    title = str(form.questionnaire["title"])
    return {
        "kind": form.kind.value,
        "language": form.language,
        "version": form.version,
        "title": title,
        "source": form.source,
        "hash": form.hash[:16],
    }


def _words(form: Form) -> list[str]:
    lines = [
        f"{form.questionnaire['title']} ({form.kind.value}, {form.language}, version {form.version})",
        "",
    ]
    for item in form.items:
        options = [str(o["valueCoding"].get("display")) for o in item.get("answerOption", [])]
        name = "" if item["type"] == "display" else f"  [{item['linkId']}]"
        lines.append(f"{item['text']}{name}")
        lines += [f"  - {option}" for option in options]
    return [*lines, "", f"SHA-256 {form.hash}"]


def _save(found: Forms, folder: Path) -> None:
    from chartside.errors import InputError

    if folder.exists():
        raise InputError("the folder is there already; nothing was written", mend="name a new one")
    folder.mkdir(parents=True)
    made = list(found)
    for form in made:
        text = json.dumps(form.questionnaire, indent=1, ensure_ascii=False) + "\n"
        (folder / f"{form.kind.value}.{form.language}.json").write_text(text, "utf-8")
    typer.echo(
        f"{len(made)} forms in {folder}. Change them, raise their version and url, run `chartside consent lint "
        f"{folder}/*.json`, and set plugins.consent.forms to the folder."
    )


def lint(
    files: Annotated[list[Path], typer.Argument(help="Files with a Questionnaire each.")],
) -> None:
    """Tell what a consent form lacks: each required element, and whether the yes is the person's own.

    Status 1 where a form may not be used.

    Example: `chartside consent lint our-forms/ai-use.en.json`
    """
    from .forms import read_file
    from .lint import problems

    bad = 0
    for file in files:
        found = problems(read_file(file))
        bad += bool(found)
        typer.echo(f"{file.name}: {'may be used' if not found else f'{len(found)} problem(s)'}")
        for problem in found:
            typer.echo(f"  {problem}")
    raise typer.Exit(int(bool(bad)))


def read_text(
    texts: Annotated[list[str], typer.Argument(help="A text as a client may send it.")],
    as_json: AsJson = False,
) -> None:
    """Show how a client's text would be read: opt-out, cancel, clarify (a person looks), danger, or nothing.

    Example: `chartside consent read-text "pls stop texting me" "I'll stop by at 5"`
    """
    from .optout import read_reply

    found = [(text, read_reply(text)) for text in texts]
    if as_json:
        print_json(
            [
                {"text": t, "kind": r.kind.value, "category": r.category, "language": r.language}
                for t, r in found
            ]
        )
        return
    for text, reply in found:
        typer.echo(f"{reply.kind.value:<8} {reply.category or '':<9} {text}")

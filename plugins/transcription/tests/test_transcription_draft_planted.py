"""T-8: what language models get wrong when they write notes, planted one by one; none of it stands.

The kinds are those that two small real models (Qwen2.5 0.5B, SmolLM2 135M) made of the sessions in ``sessions/``, and
those that the literature on generated notes names: hallucination, omission of a negation, wrong person, wrong time.
"""

from __future__ import annotations

import pytest

from chartside_transcription.draft import Drafter, Proposal, load_template, make_draft
from chartside_transcription.draft.utterances import utterances
from chartside_transcription.typed import typed

TALK = """\
Clinician: What has been on your mind, and do you hear voices?
Client: I can't say I don't miss him.
Client: I would never hurt my kids.
Client: I did not take the lorazepam after the funeral, but I took the sertraline.
Client: My brother drinks, and I don't.
Client: If I lose my job, I will have to sell the house.
Client: I take fifty milligrams of sertraline in the morning and one hundred milligrams at night.
Client: First I slept badly and then I stopped the trazodone.
Client: I think that my boss wants to fire me.
Client: My mother says that I am depressed.
Client: I was hospitalized in 2019 for two weeks.
Client: I have a pair of scissors that I bought for sewing.
Client: I sometimes skip meals when I am at work.
Client: No, he never touched me.
Client: I have not been there in two years, so it is probably time.
Client: By the time I got home it was a three.
Client: I am not ready to let them go.
Client: It is not that I want to die.
Client: I hardly ever drink.
Client: I was supposed to go to a hundred and I stayed at fifty.
Client: I don't drink because of my liver.
Client: My weight is one hundred and forty pounds.
Client: My sister and I fight about money.
Client: I nearly hit my son.
Client: I smoked until March.
Client: Both my parents died.
Client: He told me to take the pills and I refused.
Client: I'm less anxious than before.
Client: Nobody believes that I am sober.
Client: I could kill for a cigarette.
Clinician: You could try to walk every day.
Partner: I lost my job in May, and she is afraid of me.
"""
PLANTED = {
    "paraphrase that adds": [
        ("Client grieves for him deeply.", "miss him"),
        ("Client reported not sleeping in two years, so it is likely time.", "two years"),
        ("Client reported getting home in three hours.", "got home"),
        ("Client is a loving parent who would never hurt my kids.", "hurt my kids"),
        ("Client exhibits sobriety.", "sober"),
        ("Client has problems with alcohol.", "hardly ever"),
    ],
    "negation turned or cut": [
        ("Client would hurt kids.", "hurt my kids"),
        ("Client took the lorazepam after the funeral.", "lorazepam"),
        ("Client did not take the sertraline.", "lorazepam"),
        ("Client did not take the lorazepam after the funeral, and took no sertraline.", "lorazepam"),
        ("Client wants to die.", "It is not"),
        ("Client does not want to die.", "It is not"),
        ('Client: "I want to die."', "It is not"),
        ('Client: "Ready to let them go."', "let them go"),
        ("Client is ready to let them go.", "let them go"),
        ("Client drinks.", "hardly ever"),
        ("Client never drinks.", "hardly ever"),
        ("Client ever drinks.", "hardly ever"),
        ("He touched client.", "never touched"),
        ("Client never touched him.", "never touched"),
        ("Client is sober.", "sober"),
        ("Client refused the pills.", "refused"),
    ],
    "double negation": [
        ("Client doesn't miss him.", "miss him"),
        ("Client can't say client misses him.", "miss him"),
        ("Client can say client doesn't miss him.", "miss him"),
    ],
    "persons and attribution": [
        ("Client drinks.", "brother drinks"),
        ("Client's brother doesn't drink.", "brother drinks"),
        ("Client lost job in May.", "lost my job"),
        ("Client is afraid of partner.", "lost my job"),
        ('Client: "I lost my job in May, and she is afraid of me."', "lost my job"),
        ('Other: "I nearly hit my son."', "nearly hit"),
        ("Client's son nearly hit client.", "nearly hit"),
        ("Client's mother is depressed.", "depressed"),
        ("Client is depressed.", "depressed"),
        ("Client says that mother is depressed.", "depressed"),
        ("Client's boss wants to fire her.", "boss"),
        ("Client wants to fire boss.", "boss"),
        ("Client could try to walk every day.", "walk every"),
        ("Client walks every day.", "walk every"),
        ("Clinician fights with sister about money.", "fight about"),
        ("Client's sister fights about money.", "fight about"),
        ("Client told him to take the pills.", "refused"),
        ("Client was told to take the pills and took them.", "refused"),
    ],
    "conditions, doubts and hedges": [
        ("Client will have to sell the house.", "lose my job"),
        ("Client loses job and will have to sell the house.", "lose my job"),
        ("Client lost job, so client will have to sell the house.", "lose my job"),
        ("Client hit her son.", "nearly hit"),
        ("Client skips meals when at work.", "skip meals"),
        ("Client sometimes skips meals.", "skip meals"),
        ("Client drinks because of liver.", "liver"),
        ("Client doesn't drink.", "liver"),
        ("Client is anxious.", "anxious"),
        ("Client is less anxious.", "anxious"),
    ],
    "numbers and doses": [
        ("Client takes one hundred milligrams of sertraline in the morning and fifty milligrams at night.", "of ser"),
        ("Client takes 150 milligrams of sertraline.", "of ser"),
        ("Client takes fifty micrograms of sertraline in the morning and one hundred micrograms at night.", "of ser"),
        ("Client takes 50 milligrams of sertraline in the morning and 10 milligrams at night.", "of ser"),
        ("Client takes fifty milligrams of sertraline in the morning.", "of ser"),
        ("Client takes fifteen milligrams of sertraline in the morning and one hundred milligrams at night.", "of ser"),
        ("Client stayed at a hundred.", "supposed"),
        ("Client went to a hundred.", "supposed"),
        ("Client's weight is 140 kilograms.", "weight"),
        ("Client's weight is one hundred and fourteen pounds.", "weight"),
        ("Client's weight is one hundred pounds.", "weight"),
        ("Client was hospitalized in 2019 for twelve weeks.", "hospitalized"),
        ("Client was hospitalized in 2009 for two weeks.", "hospitalized"),
        ("Client was hospitalized for two weeks.", "hospitalized"),
    ],
    "time, tense and order": [
        ("Client first stopped the trazodone and then slept badly.", "trazodone"),
        ("Client stopped the trazodone and then slept badly.", "trazodone"),
        ("Client is hospitalized in 2019 for two weeks.", "hospitalized"),
        ("Client smokes.", "March"),
        ("Client smoked.", "March"),
        ("Client smokes until March.", "March"),
        ("Client will stop the trazodone.", "trazodone"),
        ("Client's parents are dying.", "parents"),
    ],
    "mood, judgement, diagnosis, risk": [
        ("Client denies hearing voices.", "hear voices"),
        ("Client hears voices.", "hear voices"),
        ("Client denies suicidal ideation.", "It is not"),
        ("Client has scissors and may self-harm.", "scissors"),
        ("Client meets criteria for PTSD.", "touched"),
        ("Client presented with a flat affect.", "miss him"),
        ("Client has homicidal ideation.", "cigarette"),
        ("Risk to children is low.", "hurt my kids"),
        ("Client's prognosis is good.", "anxious"),
        ("Client is paranoid that boss wants to fire client.", "boss"),
        ("Client thankfully does not drink because of liver.", "liver"),
    ],
    "look-alikes and marks": [
        ("Client's brother drinks, and client does.", "brother drinks"),
        ("Client has a pear of scissors that client bought for sewing.", "scissors"),
        ("Client has a pair of scissors that client bought for sowing.", "scissors"),
        ("Cl\u0456ent took the sertral\u0456ne.", "lorazepam"),
        ("Client took the lorazepam after the funeral\u202e, but client took the sertraline.", "lorazepam"),
        ("Client did n\u200bot take the lorazepam after the funeral, but client took the sertraline.", "lorazepam"),
        ("Client smoked un\u00adtil March.", "March"),
        ("Client smoked until March. [hopeless?]", "March"),
        ("Client smoked until March. \u2248 5 packs", "March"),
        ("Client smoked until March \u2713 \u274c", "March"),
        ("Client smoked until March (+).", "March"),
        ("<b>Client smoked until March.</b>", "March"),
    ],
}  # fmt: skip
ROWS = [(kind, text, near) for kind, rows in PLANTED.items() for text, near in rows]
STANDS = [
    ("Client can't say client doesn't miss him.", "miss him"),
    ("Client would never hurt client's kids.", "hurt my kids"),
    ("Client did not take the lorazepam after the funeral, but took the sertraline.", "lorazepam"),
    ("Client hardly ever drinks.", "hardly ever"),
    ("Client's weight is 140 pounds.", "weight"),
    ("Client smoked until March.", "March"),
    ("Client takes 50 milligrams of sertraline in the morning and 100 milligrams at night.", "of ser"),
    ("Client nearly hit client's son.", "nearly hit"),
    ("Client's mother says that client is depressed.", "depressed"),
]


def drafted(text: str, near: str) -> list[str]:
    class Planted(Drafter):
        name = "planted"

        def propose(self, transcript, template):
            found = next(u for u in utterances(transcript) if near in u.text)
            yield Proposal("Data", text, ((found.first, found.last),))

    draft = make_draft(typed(TALK.encode()), load_template("dap"), Planted())
    return [s.text for section in draft.sections for s in section.sentences]


def test_what_a_model_gets_wrong_is_dropped(each):
    """T-8: each says something that its span does not."""

    def check(kind, text, near):
        assert drafted(text, near) == [], kind

    each(ROWS, check)


@pytest.mark.parametrize(("text", "near"), STANDS)
def test_what_a_model_gets_right_stands(text, near):
    """T-8: the check is strict, and not deaf: the same in the third person and in digits passes."""
    assert drafted(text, near) == [text]

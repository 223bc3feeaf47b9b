"""What the rules look for in a talk, where it matters who says a thing and what was said just before.

A clinician's "try it each night" is homework, a client's is a story; "it makes me groggy" is about a medication only
after one was named; "you scored eleven" is a score only after a test was. These patterns, too, only find sentences.
"""

from __future__ import annotations

import re

from chartside_transcription.draft.patterns import COUNT, TEST, WEEKDAY

_ORDINAL = r"(?:(?:twenty|thirty)[ -])?(?:first|second|third|[a-z]{1,10}th|\d{1,2}(?:st|nd|rd|th))"
_MONTH = (
    r"(?:january|february|march|april|may|june|july|august|september|october|november|december) "
    rf"(?:\d{{1,2}}|{_ORDINAL})\b"
)
_SPAN = r"(?:a|one|two|three|four|six|\d) (?:weeks?|months?)"
_NO_DAY = r"(?! (?:thing|one|time|part|question|half|year|point|is my|was)\b)"
_DAY = rf"(?:(?:next )?{WEEKDAY}|the {_ORDINAL}){_NO_DAY}|{_MONTH}|next (?:week|month|time)|tomorrow"
_WHEN = rf"(?:{_DAY}|in {_SPAN}|{_SPAN} from (?:now|today)|every other week|the week (?:after|of))"
_OFTEN = r"\b(?:once|twice|(?:two|three|four|\w+) times) (?:a|per|this|every) (?:day|week)"
_EACH = r"(?:each|every|at|before) (?:single )?(?:night|evening|day|morning|bedtime|bed)"
_UNTIL = (
    rf"(?:this|the|for the|in the coming|over the) week(?:end)?\b(?! (?:was|is|has|before|of))|at home\b|tonight\b|"
    rf"(?:until|before|by) (?:then|next|{WEEKDAY}|we (?:talk|meet|see)|i see you|our next)|{_OFTEN}|{_EACH}|"
    r"between now and|next time|for (?:even )?(?:five|ten|twenty|\d+) minutes|when(?:ever)? (?:it|the|you|that)\b"
)
_DO = (
    r"(?:try|notice|name|repeat|keep(?! (?:talking|going))|make|write|jot|track|log|rate|use|bring|read|call|"
    r"e?mail|text|talk|finish|fill|complete|start|"
    r"go|leave|take|put|set|do|pick|choose|practi[cs]e|look|listen|spend|schedule|walk|plan|reach out|say|ask|"
    r"tell your)"
)
_LEAD = r"^(?:(?:so|and|then|okay|now|well|maybe|please|just|[^,]{3,40},) )*(?:please |just |also )*"
_ASKS_TO = (
    rf"(?:see if you can|could you|can you|i(?:'d| would) (?:like|love) (?:you|for you) to|i want you to|"
    rf"let's have you|"
    rf"you (?:could|can|might|will)|have you|shall we|let's agree(?: to)?|we agreed(?: that)? you(?:'ll|"
    rf" will)?) {_DO}\b"
)
_CLINICIAN_HOMEWORK = re.compile(
    rf"(?:{_LEAD}{_DO}\b(?! (?:you|we|they)\b)|\b{_ASKS_TO}\b).*(?:{_UNTIL})|(?:{_UNTIL}).*\b(?:{_ASKS_TO}|"
    rf", {_DO}\b)|"
    r"\b(?:your|the) (?:homework|practice|task|assignment|experiment|goal|step|challenge) (?:for (?:the|this|"
    r"next) week )?"
    rf"(?:is|will be|would be) to\b|\byour (?:homework|practice for)|"
    rf"\b(?:i'm sending|i(?:'ll| will) (?:send|give)|here is|here's|take) (?:you )?(?:a|the|this) (?:handout|"
    rf"worksheet|sheet)"
    rf"|{_LEAD}{_DO} (?:me |you |up |a |the |this |that |down |out )*(?:list of|thought (?:log|record)|"
    rf"sleep (?:log|diary)|"
    r"(?:\w+ )?app\b|handout|worksheet)|bring (?:it|that|them|those|this|me|your|the)\b.*\b(?:with you|next|back)\b|"
    rf"^so you(?:'ll| will) {_DO}\b|i'd (?:like|love) (?:you|for you) to (?:read|track|try|write|practi[cs]e|use)|"
    r"what (?:could|will|would|can) you (?:try|do|practi[cs]e)(?: differently)? (?:this|before|until|by|over)|"
    r"(?:can|could|will) you commit to|one (?:small )?step (?:for|before|this|you could)",
    re.IGNORECASE,
)
_CLIENT_HOMEWORK = re.compile(
    r"\b(?:the|our|your|that) homework\b|\bdid my homework from|"
    rf"\bi(?:'ll| will|'m going to| am going to) (?:try to |start to )?(?!be |have |see |get |know |need |turn |"
    rf"die )\w+\b.*"
    rf"\b(?:(?:{_EACH})\b.*this week|this week|until (?:next|we))",
    re.IGNORECASE,
)
_APPOINTMENT = re.compile(
    rf"\bsame time (?:next|on|in) |\b(?:does|would|will|could|is) {_WHEN}.{{0,30}}\b(?:work|good|okay|ok|suit|"
    rf"fit|do)\b|"
    rf"\bhow about {_WHEN}|\blet's (?:plan on|say|do|go with|make it|stick with|try|meet|"
    rf"talk) (?:again )?(?:on |in )?{_WHEN}|"
    rf"\b(?:have|put|pencil|book|get|fit) you (?:in |down )?(?:in )?(?:for|on) {_WHEN}|\breschedul|"
    rf"\bmove (?:it|us|our (?:session|time|appointment)) to (?:{_DAY}|{COUNT}|noon)\b.*(?:o'clock|{WEEKDAY}|"
    rf"noon|a\.?m|p\.?m)|"
    rf"\b(?:can(?:'t|not) (?:make it|come|do)|(?:have|need) to (?:skip|cancel|miss)) (?:on |in )?{_WHEN}|"
    rf"\bthen it(?:'s| is) {_WHEN}|\bour sessions? (?:start|will|are)|"
    rf"\bcome back (?:in {_SPAN}|on {_WHEN})|\b(?:our|your|the) next (?:session|appointment)\b|"
    rf"\b(?:see|want to see) you (?:back |again |then )?(?:in {_SPAN}|on {_WHEN}|{_WHEN})|"
    rf"\bappointment (?:with|on|at|for|is)\b.*\b(?:{_DAY})|"
    rf"\bi see (?:the|my|dr\.?) ?[\w.]*(?: again)? (?:on|in) (?:{_WHEN}|{_MONTH})|\bcheck in by (?:phone|video|"
    rf"text)\b|"
    rf"^(?:so,? |okay,? |then,? )?{WEEKDAY},? (?:at |by |half |{COUNT}|over ).*\?|"
    rf"\bnext week (?:let's|we(?:'ll| will)) (?:start|meet|begin)|"
    rf"\b(?:us|we)(?:'d|'ll| will| would| could| can| should)? (?:to )?(?:meet|go to|come in) "
    rf"(?:\w+ )?(?:{_OFTEN}|every other week|weekly|on |{_WHEN})",
    re.IGNORECASE,
)
_REGIMEN = re.compile(
    r"(?<!team )\bmeds\b|\bmedicines?\b(?<!is my medicine)(?<!best medicine)|\banti(?:-?depressant|psychotic|"
    r"-?anxiety)|"
    r"mood stabili[sz]er|\bsleeping (?:aid|pill)|\binhaler|\binsulin\b|birth control|over the counter|\bvitamin|"
    r"\bsupplements?\b|\ba (?:new )?(?:script|prescription) for\b(?! (?:a|the) (?:movie|film|show|play))|"
    r"\b(?:half|one|two|three|\d+) (?:a )?(?:tablet|capsule)s?\b|\ballerg(?:y|ies)\b|\ballergic to\b|"
    r"\b(?:invega|haldol|clozaril|rexulti|caplyta|viibryd|pristiq|luvox|spravato|chantix|antabuse|tylenol|"
    r"ibuprofen)\b|"
    r"\b(?:refill|pharmacy)\b|\bwean(?:ed|ing)? (?:me|you|him|her|them|off)\b|\btaper(?:ed|ing)?\b|"
    r"\bdo you take (?:anything|something)(?: else)?(?: for [\w ]+)?\?|"
    r"\b(?:psychiatrist|doctor|prescriber|nurse practitioner) (?:wants? |put |took |has |had |is )(?:me|"
    r"you) (?:on|off)\b",
    re.IGNORECASE,
)
_TAKES = (
    r"tak(?:e|es|en|ing)|took|stop(?:ped|ping)?|start(?:ed|ing)?|skip(?:ped|ping)?|miss(?:ed|ing)?|forg[eo]t\w*|"
    r"(?:re)?fill(?:ed|ing)?|rais(?:e|ed|ing)|lower(?:ed|ing)?|increased?|doubled?|upped|bumped|cut|halved|"
    r"switch(?:ed|ing)?|"
    r"quit|tried|try(?:ing)?|tolerat\w+|us(?:e|ed|ing)|have|had|stay(?:ed|ing)? on|back on|off(?: of)?|on|"
    r"trouble with|problems? with|without|remember(?:ed)?|changed?|need(?:ed)?"
)
_FOLLOWS_MEDICATION = re.compile(
    rf"\b(?:{_TAKES}) (?:it|them|one|that one|the last one|any)\b|\b(?:{_OFTEN}|{_EACH})\b|\bas needed\b|\bran out\b|"
    r"\bmiss(?:ed)? (?:a|one|only|any|two|three|\d+) (?:day|dose|night|morning)|\bkick(?:ed|s)? in\b|"
    r"\bhow long it takes\b|"
    r"\b(?:it|they|that one) (?:mak(?:es?|ing)|made|help(?:s|ed|ing)?|work(?:s|ed|ing)?|gave|gives?|upsets?|"
    r"keeps? me|knocks?|(?:does|did|do)(?:n't| not))|\bsince (?:you|i) (?:started|stopped|went)|"
    r"\bdry mouth\b|\bgroggy\b|\bdrowsy\b|\bdizz\w+|\bnause\w+|\bsick to\b|\btremors?\b|\bjittery\b|\brash\b|"
    r"\bfoggy\b|"
    r"\bgained\b.*\bpounds\b|\bit to (?:a hundred|\d+|\w+ty)\b|\bhow (?:are you|do you) feel(?:ing)? on\b|"
    r"\bhow(?:'s| is| has) (?:it|that)(?: been)? (?:working|going|sitting)\b|\ballergic\b|\bswitched me\b",
    re.IGNORECASE,
)
REASON_ASKED = re.compile(
    r"\bwhat (?:brings|brought|made|led|prompted|got) you (?:in\b|here\b|to (?:therapy|counsel\w+|us|me|come|"
    r"call\b(?! (?:him|her|"
    r"them))|reach out|seek|look for)|call(?: us| me| the \w+)?[.?]|call us|come in|reach out|decide to)|"
    r"\bmade you decide to (?:come|call|reach|see)|\bhow (?:can|may) (?:i|we) help(?: you)?(?: today)?\?|"
    r"\bwhat can (?:i|we) (?:do for you|help you with)(?: today)?\?|\bwhy (?:are you|you(?:'re|"
    r" are)) here(?: today)?[?.]|"
    r"\bwhy did you (?:come|call)(?: in| us| today)*\?|\bwhat (?:is it that )?(?:are you|you are|you're|"
    r"were you) (?:hoping|"
    r"looking) (?:for from|for (?:help|here|in)|(?:that )?we|to (?:get|work|gain)|for\?)|"
    r"\bwhat would you like to (?:get out of|"
    r"work on|talk about|focus on|discuss|bring|put on the agenda)",
    re.IGNORECASE,
)
_REASON = re.compile(
    r"\b(?:i(?:'m| am)|we(?:'re| are)) here (?:because|for help|about|since|to (?:work|get|talk|deal))|"
    r"\b(?:i|we) (?:came|come|called) (?:in|here|you|to (?:you|therapy|counsel\w+|"
    r"see you)) (?:today )?(?:because|for|about)|"
    r"\b(?:the|my|our) (?:main |real )?reason (?:that |why )?(?:i|we)(?:'m|'re| am| are| came| come| called)\b|"
    r"\b(?:doctor|pcp|pediatrician|psychiatrist|school|court|judge|lawyer|probation officer|employer|dentist) "
    r"(?:referred|sent) (?:me|us) (?:here|for|to you|over|because)|\b(?:thing|what) that made (?:me|us) (?:call|"
    r"come|reach)|"
    r"\bwhat made (?:me|us) (?:call you|come|reach out)|\bwhat (?:i|we) (?:want(?:ed)?|"
    r"need(?:ed)?) to (?:talk about|discuss|"
    r"work on)(?: with you)? today|^(?:well, |so |so, )?(?:my|our) main (?:concern|problem|issue|complaint) is\b|"
    r"\blooking for a (?:therapist|counselor|counsellor|psychologist)\b|\bdecided to (?:see|"
    r"talk to) (?:a therapist|someone)",
    re.IGNORECASE,
)
_TESTS = re.compile(
    rf"\b(?:{TEST}|\w{{1,20}} (?:questionnaire|inventory|screener)|(?:anxiety|depression|trauma|ptsd|mood|sleep) "
    r"(?:test|scale|screen(?:ing)?|measure))\b",
    re.IGNORECASE,
)
_POINTS = (
    rf"(?:an? |at )?{COUNT}"
    r"(?=[.,;!?]|$| (?:on|this|today|now|last|in all|out of|and|to|which|so|is|was|points?|when)\b)"
)
_SCORE = re.compile(
    rf"^(?:about )?{_POINTS}[.!]?$|\b(?:scored?|score (?:was|is)|got|had|put|gave|(?:came|went|dropped|gone|comes?) "
    r"(?:out |down |up |in |back )?(?:to|at|from|by)|total(?: score)?(?: (?:of|was|is))?|(?:it|that)(?:'s| is| was)|"
    rf"(?:down|up) from) {_POINTS}",
    re.IGNORECASE,
)


def kind_of(text: str, *, clinician: bool, client: bool) -> str:
    """The kind of a sentence in a talk, by who may have said it; empty where these patterns say nothing."""
    if REASON_ASKED.search(text) if clinician else _REASON.search(text):
        return "reason"
    if (clinician and _CLINICIAN_HOMEWORK.search(text)) or (client and _CLIENT_HOMEWORK.search(text)):
        return "homework"
    if _APPOINTMENT.search(text):
        return "appointment"
    return "medication" if _REGIMEN.search(text) else ""


def between_us(text: str) -> bool:
    """Whether a client's sentence is about meeting here, and not somebody else."""
    return bool(re.search(r"\b(?:we|us|our|you|appointment|session)\b", text, re.IGNORECASE))


def follows_medication(text: str) -> bool:
    """Whether a sentence goes on about a medication that was named just before."""
    return bool(_FOLLOWS_MEDICATION.search(text))


def names_test(text: str) -> bool:
    """Whether it names a questionnaire that gives a score."""
    return bool(_TESTS.search(text))


def tells_score(text: str) -> bool:
    """Whether it tells a score, if a test was named just before."""
    return bool(_SCORE.search(text))

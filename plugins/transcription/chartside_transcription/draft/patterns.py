"""What the rules look for: the first pattern that matches names the kind of a sentence.

Patterns find sentences; they never change or explain one. A sentence about safety is quoted whatever else it holds.
"""

from __future__ import annotations

import re

WEEKDAY = r"(?:mon|tues|wednes|thurs|fri|satur|sun)day"
_SELF = r"(?:my|your|him|her|them)sel(?:f|ves)"
TEST = (
    r"(?:p ?h ?q|g ?a ?d|p ?c ?l|audit|dast|c-?ssrs|moca|m ?d ?q|y-?bocs|oq|wsas|isi|bdi|bai)"
    r"(?:[ -]?(?:\d+|nine|seven|five|two|four|forty)\b)?+"
)
"""A test with its own number, which is no score."""
_ONES = "one|two|three|four|five|six|seven|eight|nine"
COUNT = (
    rf"(?:\d+|zero|[a-z]*teen|ten|eleven|twelve|(?:twenty|thirty|forty|fifty|sixty|seventy|eighty|"
    rf"ninety)(?:[ -](?:{_ONES}))?"
    rf"|{_ONES}|a hundred)"
)
_NO_SCORE = r"(?! (?:minutes?|hours?|days?|weeks?|months?|years?|times?|questions?|items?)\b)"
_FEARED = (
    "husband|wife|partner|boyfriend|girlfriend|ex|father|mother|dad|mom|stepfather|stepdad|brother|son|uncle|temper|"
    "anger|rage"
)
_HARMLESS = (
    r"spreadsheets?|exams?|tests?|reports?|e?mails?|calls?|job|work|boss|driving|cooking|dentist|answers?"
)
"""After "afraid of her": things. Anything else is quoted, for a false quote harms less than a lost one."""
_BODY = "arms?|wrists?|hands?|fingers?|legs?|thighs?|head|skin|face|stomach"
_KINDS: tuple[tuple[str, str], ...] = (
    (
        "risk",
        rf"suicid|homicid|self[- ]?(?:harm|injur)|(?:kill|hurt|harm|cut|burn|stab|hang|shoot|starv)(?:t?ing|"
        rf"e)? {_SELF}"
        r"|kill(?:ing|ed)? (?:you|him|her|them|someone|somebody|people|my)\b|"
        r"hurt(?:ing)? (?:him|her|them|someone|somebody|"
        r"anyone|anybody|others|people)\b|want(?:ing|ed)? to (?:die|be dead|disappear)|"
        r"(?:not|n't) want(?:ing)? to (?:be alive|live|be here|wake up|exist)|(?:not|never|n't) wak(?:e|ing) up|"
        r"be(?:ing)? alive|(?:was|were|wish\w*|be) dead|reason to live|worth living|"
        r"(?:end|ending|take|taking) (?:my|your|his|her|their) (?:own )?life|\bend(?:ing)? it\b|"
        r"better off (?:dead|without)|overdos|safety plan|weapon|\bguns?\b|"
        r"firearms?|\brifles?\b|pistols?|\b988\b|go on without (?:him|her|them)|"
        r"not (?:feel(?:ing)? )?safe|unsafe|"
        r"(?:hits?|hitting|push(?:es|ed|ing)?|"
        r"shov(?:es?|ed|ing)|slap(?:s|ped)?|kick(?:s|ed)?|punch(?:es|ed)?|"
        r"beats?|chok(?:es?|ed|ing)|strangl\w+|threaten(?:s|ed)?|rap(?:es?|ed)) "
        r"(?:me|you|her|him|us)\b|\b(?:hit|pushed|slapped|kicked|beaten|hurt|threatened),? (?:(?:and|or) )?"
        r"(?:hit|pushed|slapped|kicked|beaten|hurt|threatened)\b|"
        rf"(?:bit(?:es?|ing)?|cut(?:s|ting)?|scratch\w*|burn\w*|bang\w*|punch\w*) "
        rf"(?:my|your|his|her|their) (?:{_BODY})\b|"
        r"what(?:'s| is| was) the point (?:of (?:any|it|this|living|life|going)|anymore|any more)|"
        r"feel(?:ing)? safe\b|"
        rf"(?:afraid|scared) of (?:(?:him|them)\b|her\b(?! (?:{_HARMLESS})\b)|"
        rf"(?:my|his|their) (?:{_FEARED})\b)|"
        r"abus(?:e|ed|ive|ing)\b|assault|"
        r"\brisk (?:is|was|of|to|level|assess)",
    ),
    (
        "score",
        rf"\b{TEST}\b.*\b{COUNT}\b{_NO_SCORE}|\b{COUNT}\b{_NO_SCORE}.{{0,20}}\b(?:on|in) the {TEST}\b|"
        rf"\b{COUNT} out of (?:ten|10|five|5|twenty[ -]?(?:one|seven)|21|27)\b",
    ),
    (
        "report",
        r"\bfamily history\b|\bhistory of\b|^(?:the )?(?:client|patient|he|she|they) (?:reports?|reported|states?|"
        r"stated|describes?|described|endorses?|endorsed|denie[sd])\b",
    ),
    (
        "appointment",
        rf"(?:meet|see (?:you|each other|her|him)|session|appointment|come (?:in|back)|\b(?:meet|see|talk|here|"
        rf"back) again|read it together)"
        rf".{{0,40}}next (?:{WEEKDAY}|week|month|time)|next (?:{WEEKDAY} at|(?:appointment|session) (?:is|at|on))|"
        rf"(?:we'll|we will|let's) meet|see you (?:on |next |in )|follow[- ]up (?:in|on|appointment)",
    ),
    (
        "medication",
        r"\bmilligrams?\b|\bmg\b|\bmedications?\b|\bprescri|\bdos(?:es?|age)\b(?! of (?!it\b|that\b|the\b|my\b|"
        r"your\b))|"
        r"(?<!bitter )\bpills?\b|side effects?",
    ),
    (
        "homework",
        r"homework|write (?:it |them |him |her )?(?:a letter|down)|diary|journal\b|worksheet|"
        r"(?:complete|fill out|keep).{0,30}(?:thought records?|log|diary|chart)|"
        r"(?:for|before|until) next (?:week|session|time)|i(?: would|'d) like you to|your (?:task|assignment)|"
        r"practice (?:it|that|this|the)|would you be willing|before we meet",
    ),
    (
        "plan",
        r"^(?:treatment )?plan\b|treatment plan|\bcontinue (?:weekly|with|the|individual|\w+ therapy)|"
        r"coordinate with|"
        r"refer(?:ral|red? to)|release of information|weekly .*therapy|discharge",
    ),
    (
        "goal",
        r"\bgoals?\b|\bwant to (?:be able|work on|learn|stop|start|get better)|working (?:on|toward)|\bhope to\b",
    ),
    (
        "diagnosis",
        r"\bdiagnos(?:is|es|ed)\b|\b(?:major depressive|generalized anxiety|panic|bipolar|adjustment|"
        r"post[- ]?traumatic stress|obsessive[- ]compulsive|use|personality|eating) disorder\b",
    ),
    (
        "observation",
        r"\b(?:mood|affect|effect|speech|thought process|appearance|orient(?:ed|ation)|insight|judgment|eye contact|"
        r"memory) (?:was|is|were|appeared|remained)\b|\balert and oriented\b|^i notice\b",
    ),
    (
        "intervention",
        r"\bwe (?:practi[cs]ed|reviewed|discussed|explored|worked|talked|processed|did)\b|breathing exercise|"
        r"cognitive (?:restructuring|behavioral)|grounding|mindfulness|exposure|role[- ]play|psychoeducation|"
        r"thought record|coping (?:skills?|plan)|motivational interviewing|\bemdr\b|\bdbt\b|"
        r"safety (?:check|assessment)|^let's (?:slow|try|take|stay|breathe|practi[cs]e|look|notice|go back)\b",
    ),
)
KINDS = tuple((kind, re.compile(pattern, re.IGNORECASE)) for kind, pattern in _KINDS)
SCALE = re.compile(
    r"scale (?:from|of) (?:zero|one|0|1) to (?:ten|10|five|5)|(?:zero|one) to (?:ten|a hundred|one hundred)\b|"
    r"\b(?:ten|hundred)[- ]point scale|\b(?:if|where|with) (?:a )?ten (?:is|being|means)|\b(?:what|which) number\b",
    re.IGNORECASE,
)
NUMBER = re.compile(rf"\b{COUNT}\b", re.IGNORECASE)
LOOKS_BACK = re.compile(r"^(?:so,? )?(?:did|have|were|was|how did|how was) ", re.IGNORECASE)
"""A question about what was agreed before, not about what comes."""
AGREES = re.compile(
    r"^(?:ok(?:ay)?|yes|yeah|sure|all right|no\b|i (?:can|could|will|'ll|would)|i'll|fine|maybe|perfect|will do|deal|"
    r"(?:that |it )?works|let's|that will be)\b",
    re.IGNORECASE,
)
TOPICS = re.compile(
    r"\b(sle(?:ep|pt|eping)|insomnia|nightmares?|wak(?:e|ing|es)|woke|tired|exhaust\w*|energy|appetite|eat(?:en|"
    r"ing)?|"
    r"ate|meals?|weight|anxi\w+|worr\w+|panic\w*|nervous|afraid|scared|fear\w*|sad\w*|depress\w*|cry\w*|cried|"
    r"hopeless|"
    r"guilt\w*|asham\w+|ang(?:er|ry)|irritab\w+|mood|stress\w*|overwhelm\w*|lonel\w+|alone|grief|griev\w+|loss|"
    r"lost|miss|"
    r"died|death|cemetery|concentrat\w+|focus|memory|pain|headaches?|chest|heart|heavy|stomach|breath\w*|tense|"
    r"tension|"
    r"drink\w*|drank|alcohol|beers?|wine|smok\w+|cannabis|marijuana|weed|drugs?|coffee|work\w*|job|fired|boss|school|"
    r"class(?:es)?|money|rent|hous(?:e|ing)|mother|father|mom|dad|parents?|brother|sister|wife|husband|partner|"
    r"girlfriend|boyfriend|friends?|kids?|children|son|daughter|family|divorce\w*|argu\w+|fight|fought|breakup|"
    r"trauma\w*|"
    r"flashbacks?|feel\w*|felt|help(?:s|ed)|cop(?:e|ing)|exercis\w+|hospital\w*|ready|better|worse|months?|"
    r"weeks?|years?)\b",
    re.IGNORECASE,
)

"""Marks that chat templates put between turns, as hostile texts hold them.

A server that reads them as such would take the rest of a passage for a turn of its own.
"""

import re

_BLANK = r"\s{0,3}"
_TURNS = "im_start|im_end|im_sep|system|user|assistant|endoftext|eot_id|begin_of_text|end_of_text"
CHAT_MARKS = re.compile(
    rf"<{_BLANK}\|{_BLANK}(?:{_TURNS}|start_header_id|end_header_id){_BLANK}\|{_BLANK}>"
    rf"|<{_BLANK}(?:start|end)_of_turn{_BLANK}>|</{_BLANK}s{_BLANK}>"
    rf"|\[{_BLANK}/?{_BLANK}INST{_BLANK}\]|<<{_BLANK}/?SYS{_BLANK}>>",
    re.IGNORECASE,
)

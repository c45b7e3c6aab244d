"""Texts to words."""

FILTERS = '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n'
"""Characters that stand between words: those of ASCII that are neither letters nor apostrophes."""


def text_to_word_sequence(
    input_text: str, filters: str = FILTERS, lower: bool = True, split: str = " "
) -> list[str]:
    """The words of a text.

    Args:
        input_text: one text.
        filters: characters that separate words.
        lower: whether words are lowercased.
        split: what words are split at.

    >>> text_to_word_sequence("Don't stop, Moon!")
    ["don't", 'stop', 'moon']
    """
    text = input_text.lower() if lower else input_text
    text = text.translate(str.maketrans(dict.fromkeys(filters, split)))
    return [word for word in text.split(split) if word]

"""Sound: recordings of words, spoken by people and by a synthesiser."""

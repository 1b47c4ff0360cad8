"""Logits become scores: metrics, rules for the epoch, intervals over people, comparisons, floors.

metrics, units  UF1, UAR, ACC; F1 of action units
select          which epoch counts: last, inner, and what published tables do
score           all of it, of a run's answers
interval        how sure, over people
compare         two runs on the same people
floors          what is reached without learning, and whether it is chance
audit           whether labels could have leaked
calibrate       probabilities that mean what they say
"""

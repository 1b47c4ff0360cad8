"""Logits become scores: metrics, rules for the epoch, intervals over people, comparisons, floors."""

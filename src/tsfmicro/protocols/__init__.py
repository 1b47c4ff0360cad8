"""Who learns from whom, and who is tested: `tsfmicro.list_protocols`.

registry, base          the protocols by name, and what one is
people                  splitting by person
loso, person_kfold, composite, cross_dataset  the protocols
"""

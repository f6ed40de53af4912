# Whether evaluating a value to its end throws.
value: !(builtins.tryEval (builtins.deepSeq value null)).success

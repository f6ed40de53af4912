# Holds what is so against what should be: { aRule = { actual = …; expected = …; }; … }. Throws with every rule that is broken.
rules:
let
  names = builtins.attrNames rules;
  broken = builtins.filter (name: rules.${name}.actual != rules.${name}.expected) names;
  report = name: ''

    ${name}
      expected ${builtins.toJSON rules.${name}.expected}
      actual   ${builtins.toJSON rules.${name}.actual}
  '';
in
if names == [ ] then
  throw "there are no rules"
else if broken != [ ] then
  throw "broken rules:\n${builtins.concatStringsSep "" (map report broken)}"
else
  "${toString (builtins.length names)} rules hold"

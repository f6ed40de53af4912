# Splits a line into words as a shell does: blanks separate, quotes keep together. Nothing is expanded: a VM's description
# is data, and no shell ever reads it.
line:
let
  inherit (builtins) concatStringsSep elemAt filter head isList isString map match split;

  separated = split "((\"[^\"]*\"|'[^']*'|[^[:space:]\"'])+)" line;
  tokens = map head (filter isList separated);
  between = filter isString separated;

  inside = groups: if elemAt groups 0 != null then elemAt groups 0 else elemAt groups 1;
  unquoted = token: concatStringsSep "" (map (part: if isList part then inside part else part) (split "\"([^\"]*)\"|'([^']*)'" token));
in
if filter (text: match "[[:space:]]*" text == null) between != [ ] then
  throw "virtualisation.qemu.options: a quotation mark without its partner in: ${line}"
else if match ".*[$`\\].*" line != null then
  throw "virtualisation.qemu.options: no shell reads these options, so $, ` and \\ cannot stand in: ${line}; set QEMU_OPTS when the VM is started instead"
else
  map unquoted tokens

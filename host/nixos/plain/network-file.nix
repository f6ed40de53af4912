# The text of the file that `vm up` reads.
{ vms, backdoor }:
builtins.toJSON { inherit vms backdoor; }

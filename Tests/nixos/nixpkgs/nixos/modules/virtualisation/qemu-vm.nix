# In nixpkgs' place of the module that host/nixos replaces. An option with two defaults is an error.
{ lib, ... }:
{
  options.virtualisation.memorySize = lib.mkOption {
    type = lib.types.ints.positive;
    default = 1024;
  };
}

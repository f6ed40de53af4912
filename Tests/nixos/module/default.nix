# The module with nixpkgs' real `lib` and module system: what it makes of a configuration's options.
{ dist }:
let
  lib = import <nixpkgs-lib/lib>;
  machine = import ./machine.nix { inherit dist; };
  network = import ../../../host/nixos/build-vms.nix {
    inherit dist;
    nixpkgs = <nixpkgs>;
    networkExpr = ../network.nix;
    useBackdoor = true;
  };
  arguments = { inherit dist lib machine network; refuses = import ../refuses.nix; };
in
import ../rules.nix (
  import ./boot.nix arguments
  // import ./description.nix arguments
  // import ./disks.nix arguments
  // import ./flake.nix arguments
  // import ./network.nix arguments
)

# A stand-in for nixpkgs: the real `lib` (NIX_PATH's nixpkgs-lib), and as many packages as the modules of host/nixos take,
# made offline from Debian's files.
{ system ? builtins.currentSystem, config ? { } }:
let
  lib = import <nixpkgs-lib/lib>;
  builders = import ./pkgs/builders.nix { inherit system; };
  inherit (builders) fromDebian runCommand;

  # Packages of which only the path matters: they stand in a wrapper's PATH, or are what a package is patched with.
  named = lib.genAttrs
    [
      "autoPatchelfHook" "makeWrapper" "util-linux" "zstd" "qemu_kvm" "samba" "socat" "vde2" "virtiofsd"
      "erofs-utils" "swtpm" "grub2" "grub2_efi" "mtools"
    ]
    (name: runCommand name { } "mkdir $out");

  pkgs = named // builders // {
    inherit lib pkgs config;
    runtimeShell = "/bin/bash";
    busybox = runCommand "busybox" { } ''
      mkdir -p $out/bin
      cp /bin/busybox $out/bin/
      for applet in $(/bin/busybox --list); do [ $applet = busybox ] || ln -s busybox $out/bin/$applet; done
    '';
    nix = fromDebian "nix" [ "/usr/bin/nix-store" ];
    e2fsprogs = fromDebian "e2fsprogs" [ "/sbin/mke2fs" ];
    stdenv = {
      inherit (builders) mkDerivation;
      cc.cc = runCommand "gcc" { } "mkdir $out";
    };
    callPackage = lib.callPackageWith pkgs;
  };
in
pkgs

{
  description = "Throwaway Linux VMs that run on the host's own files and are entered through a socket file";

  inputs = {
    nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";

    # The folder with vm, vm-proxy and vm-agent, as `make build` leaves it: nixpkgs has no Swift that could build them.
    #   nix build .#vm --override-input dist path:$PWD/dist
    dist = {
      url = "file+file:///dev/null";
      flake = false;
    };
  };

  outputs = { self, nixpkgs, dist }:
    let
      system = "x86_64-linux";
      pkgs = nixpkgs.legacyPackages.${system};

      programs =
        if builtins.pathExists "${dist}/vm-agent" then
          dist.outPath
        else
          throw "vm-agent: the programs are built outside of Nix. Run 'make build' in a checkout, and add: --override-input dist path:CHECKOUT/dist";
    in
    {
      packages.${system} = rec {
        default = vm;
        # For the host: vm, vm-proxy.
        vm = pkgs.callPackage ./host/nixos/packages/host.nix { dist = programs; };
        # For guests' initrds.
        vm-agent = pkgs.callPackage ./host/nixos/packages/guest.nix { dist = programs; };
        # Its nixpkgs is this flake's.
        nixos-build-vms = pkgs.writeShellScriptBin "nixos-build-vms" ''
          export VM_AGENT_DIST=${programs} NIX_PATH=nixpkgs=${nixpkgs}''${NIX_PATH:+:$NIX_PATH}
          exec ${./host/nixos}/nixos-build-vms "$@"
        '';
      };

      apps.${system} = rec {
        default = vm;
        vm = {
          type = "app";
          program = "${self.packages.${system}.vm}/bin/vm";
        };
        nixos-build-vms = {
          type = "app";
          program = "${self.packages.${system}.nixos-build-vms}/bin/nixos-build-vms";
        };
      };

      # system.build.vm in the place of nixpkgs' qemu-vm.nix.
      nixosModules.default = { lib, ... }: {
        imports = [ ./host/nixos ];
        virtualisation.vmAgent.dist = lib.mkDefault programs;
      };
    };
}

# A network of VMs from a file { machine1 = module1; … }: bin/run-vms starts all of them, bin/run-NAME-vm one, and network.json
# is what `vm up` reads. nixos-build-vms calls this.
{
  system ? builtins.currentSystem,
  # The directory of nixpkgs.
  nixpkgs ? <nixpkgs>,
  # nixpkgs' own configuration.
  config ? { },
  networkExpr,
  # Whether each VM is entered through NAME.socket.
  useBackdoor ? false,
  # The folder with vm, vm-proxy and vm-agent; null for that of this checkout.
  dist ? null,
}:
let
  pkgs = import nixpkgs { inherit system config; };
  inherit (pkgs) lib;

  network = import ./network.nix { inherit lib; };
  networkFile = import ./plain/network-file.nix;
  runScript = import ./plain/run-script.nix;

  evaluate = modules: import "${toString nixpkgs}/nixos/lib/eval-config.nix" { inherit system modules; };

  nodes = network.evaluate {
    inherit evaluate;
    nodes = builtins.mapAttrs
      (name: module: {
        _file = "${toString networkExpr}, machine ${name}";
        imports = [ module ];
      })
      (import networkExpr);
    common = {
      nixpkgs.config = config;
      # It would take longer than all else.
      documentation.nixos.enable = lib.mkDefault false;
      virtualisation.useBackdoor = lib.mkIf useBackdoor (lib.mkForce true);
      virtualisation.vmAgent.dist = lib.mkIf (dist != null) (/. + dist);
    };
  };
  machines = builtins.attrValues nodes;
  agents = map (machine: machine.config.virtualisation.vmAgent) machines;

  file = pkgs.writeText "network.json" (networkFile {
    vms = map (agent: agent.description) agents;
    backdoor = builtins.any (machine: machine.config.virtualisation.useBackdoor) machines;
  });

  script = pkgs.writeScript "run-vms" (runScript {
    shell = pkgs.runtimeShell;
    vm = "${(builtins.head agents).hostPackage}/bin/vm";
    networkFile = file;
  });
in
if nodes == { } then throw "${toString networkExpr} has no machines" else
pkgs.runCommand "nixos-vms"
{
  preferLocalBuild = true;
  meta.mainProgram = "run-vms";
  passthru = { inherit nodes; };
}
  ''
    mkdir -p $out/bin $out/vms
    ln -s ${file} $out/network.json
    ln -s ${script} $out/bin/run-vms
    ${lib.concatStrings (lib.mapAttrsToList
      (name: machine: ''
        ln -s ${machine.config.system.build.vm} $out/vms/${name}
        for program in ${machine.config.system.build.vm}/bin/*; do ln -s $program $out/bin/; done
      '')
      nodes)}
  ''

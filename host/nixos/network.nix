# The machines of a network, each with its number, its addresses, and everybody's name in its /etc/hosts.
{ lib }:
let
  addresses = import ./plain/addresses.nix;
in
{
  # { test1 = <evaluated configuration>; … }, from modules of the same names. `evaluate` turns a list of modules into a
  # configuration; `common` is a module for all machines.
  evaluate = { evaluate, nodes, common ? { } }:
    let
      numbers = addresses.numbers (builtins.attrNames nodes);

      # What a machine's module sees as `nodes`: today nodes.test1.networking…, in 2010 nodes.test1.config.networking….
      seen = builtins.mapAttrs (_: node: node.config // { inherit (node) config; }) evaluated;

      hosts = addresses.hosts (map
        (node: {
          address = node.config.networking.primaryIPAddress;
          names =
            let
              inherit (node.config.networking) hostName domain;
            in
            lib.optional (domain != null) "${hostName}.${domain}" ++ [ hostName ];
        })
        (builtins.attrValues evaluated));

      evaluated = builtins.mapAttrs
        (name: module: evaluate [
          ./default.nix
          common
          module
          {
            _module.args = { nodes = seen; };
            networking.hostName = lib.mkDefault name;
            networking.extraHosts = hosts;
            virtualisation.vmAgent.number = numbers.${name};
          }
        ])
        nodes;
    in
    evaluated;
}

# The addresses of a network's machines: machine M of the list has 192.168.N.M on vlan N, and its first vlan is eth1.
rec {
  # eth0 is QEMU's user network, the same for every machine.
  userNetwork = {
    address = "10.0.2.15";
    gateway = "10.0.2.2";
    nameserver = "10.0.2.3";
  };

  address = vlan: number: "192.168.${toString vlan}.${toString number}";

  # [ { name = "eth1"; address = "192.168.1.2"; } … ] of the machine `number`.
  interfaces = vlans: number:
    builtins.genList
      (index: {
        name = "eth${toString (index + 1)}";
        address = address (builtins.elemAt vlans index) number;
      })
      (builtins.length vlans);

  # The address by which others know the machine: that on its first vlan, "" without one.
  primaryAddress = vlans: number: if vlans == [ ] then "" else address (builtins.head vlans) number;

  # { test1 = 1; test2 = 2; }: every machine's place among the names.
  numbers = names:
    if builtins.length names > 254 then
      throw "a network has at most 254 machines: there are no more addresses 192.168.N.M"
    else
      builtins.listToAttrs (builtins.genList
        (index: {
          name = builtins.elemAt names index;
          value = index + 1;
        })
        (builtins.length names));

  # Lines for /etc/hosts, of machines as { address, names }; those without an address have none.
  hosts = machines:
    builtins.concatStringsSep "" (map
      (machine: if machine.address == "" then "" else "${machine.address} ${builtins.concatStringsSep " " machine.names}\n")
      machines);
}

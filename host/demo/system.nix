# A small real system, made offline from Debian's own files: an init, busybox, and Nix with its libraries. Its shape is
# that of a NixOS system: `init`, and the programs in `sw/bin`.
let
  build = name: script: derivation {
    inherit name;
    system = builtins.currentSystem;
    builder = "/bin/sh";
    # The shell's own end is the builder's: Nix kills a builder that has closed its output, as programs do before they end.
    args = [ "-c" ("set -e; export PATH=/bin:/usr/bin; " + script + "\nexit 0") ];
  };

  busybox = build "busybox" ''
    mkdir -p $out/bin
    cp /bin/busybox $out/bin/busybox
    for applet in $(/bin/busybox --list); do
      [ $applet = busybox ] || ln -s busybox $out/bin/$applet
    done
  '';

  # Debian's nix-store starts with its own loader and libraries, so it needs no file outside this path.
  nix = build "nix-debian" ''
    mkdir -p $out/lib $out/libexec $out/bin
    cp -L /usr/bin/nix-store $out/libexec/nix-store
    cp -L $(ldd /usr/bin/nix-store | grep -o '/[^ ]*') $out/lib/
    cat > $out/bin/nix-store <<EOF
    #!${busybox}/bin/sh
    exec $out/lib/ld-linux-x86-64.so.2 --library-path $out/lib --argv0 nix-store $out/libexec/nix-store "\$@"
    EOF
    sed -i 's/^    //' $out/bin/nix-store
    chmod +x $out/bin/nix-store
  '';

  # init sets up what a shell wants, says so, and then reaps until it is asked to power off.
  init = build "demo-init" ''
    cat > $out <<EOF
    #!${busybox}/bin/sh
    export PATH=${busybox}/bin
    mkdir -p /etc /tmp /root /var
    echo "root:x:0:0:root:/root:${busybox}/bin/sh" > /etc/passwd
    echo "root:x:0:" > /etc/group
    power_off() {
      kill -TERM -1 2>/dev/null
      for try in 1 2 3 4 5 6 7 8 9 10; do mount -o remount,ro / 2>/dev/null && break; sleep 0.1; done
      sync
      poweroff -f
    }
    trap power_off USR2 TERM
    echo "demo system: up after \$(cut -d' ' -f1 /proc/uptime) s" > /dev/console
    while :; do sleep 3600 & wait \$!; done
    EOF
    sed -i 's/^    //' $out
    chmod +x $out
  '';
in
build "demo-system" ''
  mkdir -p $out/sw/bin
  ln -s ${init} $out/init
  for program in ${busybox}/bin/* ${nix}/bin/*; do ln -s $program $out/sw/bin/; done
''

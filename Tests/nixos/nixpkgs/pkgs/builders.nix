# nixpkgs' simplest builders, with Debian's shell and programs instead of a standard environment.
{ system }:
rec {
  runCommand = name: attributes: script: derivation (removeAttrs attributes [ "meta" "passthru" ] // {
    inherit name system;
    builder = "/bin/bash";
    # The shell's own end is the builder's: Nix kills a builder that has closed its output, as Debian's programs do before
    # they end.
    args = [ "-c" "set -e; export PATH=/usr/sbin:/usr/bin:/sbin:/bin; ${script}\nexit 0" ];
  }) // attributes.passthru or { } // { meta = attributes.meta or { }; };

  writeText = name: text: runCommand name
    {
      inherit text;
      passAsFile = [ "text" ];
    } "cp \"$textPath\" $out";

  writeScript = name: text: runCommand name
    {
      inherit text;
      passAsFile = [ "text" ];
    } "cp \"$textPath\" $out; chmod +x $out";

  # Only the phase that packages of host/nixos have. wrapProgram leaves a note of what it was called with.
  mkDerivation = attributes:
    runCommand attributes.name (removeAttrs attributes [ "name" ]) ''
      wrapProgram() { echo "$@" >>$out/wrapped; }
      ${attributes.installPhase}
    '';

  closureInfo = { rootPaths }: derivation {
    name = "closure-info";
    inherit system;
    builder = "/bin/bash";
    __structuredAttrs = true;
    exportReferencesGraph.closure = rootPaths;
    args = [
      "-c"
      ". ./.attrs.sh; PATH=/usr/bin:/bin; out=\${outputs[out]}; mkdir $out; python3 ${./registration.py} >$out/registration; exit 0"
    ];
  };

  # Debian's programs, each with the libraries and the loader that it needs.
  fromDebian = name: files: runCommand name { inherit files; } ''
    mkdir -p $out/bin $out/lib $out/libexec
    for file in $files; do
      program=''${file##*/}
      cp -L $file $out/libexec/$program
      cp -L $(ldd $file | grep -o '/[^ ]*') $out/lib/
      printf '#!/bin/sh\nexec %s --library-path %s --argv0 %s %s "$@"\n' \
        $out/lib/ld-linux-x86-64.so.2 $out/lib $program $out/libexec/$program >$out/bin/$program
      chmod +x $out/bin/$program
    done
  '';
}

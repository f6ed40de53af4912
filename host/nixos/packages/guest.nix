# The guest's agent: one static program, as `make build` leaves it in dist/. It is not built here: it needs a Swift with
# Embedded Swift 6.3, which nixpkgs does not have.
{ runCommand, dist }:
runCommand "vm-agent"
{
  src = dist + "/vm-agent";
  meta = {
    description = "The guest's side of a throwaway VM";
    mainProgram = "vm-agent";
    platforms = [ "x86_64-linux" ];
  };
}
  ''
    mkdir -p $out/bin
    cp $src $out/bin/vm-agent
    chmod 755 $out/bin/vm-agent
  ''

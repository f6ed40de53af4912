# The host's programs, as `make build` leaves them in dist/, made to run with nixpkgs' libraries and to find the programs that
# they start.
{
  lib,
  stdenvNoCC,
  stdenv,
  autoPatchelfHook,
  makeWrapper,
  util-linux,
  xz,
  zlib,
  zstd,
  qemu_kvm,
  samba,
  socat,
  nix,
  busybox,
  e2fsprogs,
  vde2,
  virtiofsd,
  erofs-utils,
  swtpm,
  dist,
}:
let
  programs = [ qemu_kvm samba socat nix e2fsprogs vde2 virtiofsd erofs-utils swtpm ];
in
stdenvNoCC.mkDerivation {
  name = "vm-agent-host";
  vm = dist + "/vm";
  proxy = dist + "/vm-proxy";
  agent = dist + "/vm-agent";
  dontUnpack = true;
  dontBuild = true;
  nativeBuildInputs = [ autoPatchelfHook makeWrapper ];
  # libmount; libzstd and liblzma; and the C++ library of Swift's run-time library.
  buildInputs = [ util-linux xz zlib zstd stdenv.cc.cc.lib ];
  installPhase = ''
    mkdir -p $out/bin
    install $vm $out/bin/vm
    install $proxy $out/bin/vm-proxy
    install $agent $out/bin/vm-agent
    for program in vm vm-proxy; do
      wrapProgram $out/bin/$program --prefix PATH : ${lib.makeBinPath programs}:${lib.makeSearchPath "sbin" programs} \
        --suffix PATH : ${busybox}/bin
    done
  '';
  meta = {
    description = "Throwaway Linux VMs that run on the host's own files";
    mainProgram = "vm";
    platforms = [ "x86_64-linux" ];
  };
}

# The host's programs, as `make build` leaves them in dist/, made to run with nixpkgs' libraries and to find the programs that
# they start.
{
  lib,
  stdenv,
  autoPatchelfHook,
  makeWrapper,
  util-linux,
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
  grub2,
  grub2_efi,
  mtools,
  dist,
}:
let
  programs = [ qemu_kvm samba socat nix e2fsprogs vde2 virtiofsd erofs-utils swtpm grub2 grub2_efi mtools util-linux ];
in
stdenv.mkDerivation {
  name = "vm-agent-host";
  vm = dist + "/vm";
  proxy = dist + "/vm-proxy";
  agent = dist + "/vm-agent";
  dontUnpack = true;
  dontBuild = true;
  nativeBuildInputs = [ autoPatchelfHook makeWrapper ];
  # libmount, libzstd, and the C++ library of Swift's run-time library.
  buildInputs = map lib.getLib [ util-linux zstd stdenv.cc.cc ];
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

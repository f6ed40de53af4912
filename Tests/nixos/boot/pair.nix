# The two machines of the announcement, without a window.
builtins.listToAttrs (map
  (name: {
    inherit name;
    value = {
      virtualisation.memorySize = 512;
      virtualisation.graphics = false;
    };
  })
  [ "test1" "test2" ])

// Compares the agent's scanf with the C library's, on the formats that libblkid uses and on everything that is near them.
#include <stdio.h>
#include <string.h>

#define SCAN_NAME(name) own_##name
#include "../../initrd/libc/scan.c"

static const char *formats[] = {
    "%d", "%u", "%x", "%i", " %d", "%d:%d", "%u:%u:%u:%u", "%d.%d.%d", "%lld %lld striped %d %d ", "Stripes %d",
    "Stripe size (KByte) %d", "%d %64[^\n ]", "%1023[^\n]", "%s", "%3s", "%*d %d", "%c", "%2c", "%3d%d", "%[a-f0-9]%d", "%[]x]",
    "%[^]x]", "%d%n", "%%%d", "%hhd %hd", "%ld", "%zu %jd",
};
static const char *inputs[] = {
    "", " ", "0", "7", "-7", "+7", "12:34", "8:0", "8:", ":8", "0:0:1:2", "6.1.0-56-cloud-amd64", "253:0 rest", "0 2048 striped 2 128 253:1",
    "Stripes 4", "  Stripes 4", "Stripe size (KByte) 64", "8 sd\n", "259 blkext more", "a word\nand another", "abc123", "]x]", "x]", "0x1f",
    "0x", "077", "4294967295", "-2147483648", "9223372036854775807", "%5", "-", "+-3", "12345678", "300 70000", "\t\n 5", "ff:ee",
};

int main(void) {
  int failures = 0, cases = 0;
  for (size_t f = 0; f < sizeof formats / sizeof *formats; f++)
    for (size_t i = 0; i < sizeof inputs / sizeof *inputs; i++)
      for (int from_stream = 0; from_stream < 2; from_stream++) {
        char places[2][4][1024];
        int matched[2];
        char rest[2][64] = {"", ""};
        memset(places, 0x55, sizeof places);
        for (int own = 0; own < 2; own++) {
          char(*place)[1024] = places[own];
          if (from_stream) {
            FILE *stream = fmemopen((void *)inputs[i], strlen(inputs[i]) + !*inputs[i], "r");
            if (!*inputs[i]) getc(stream);
            matched[own] = (own ? own_fscanf : fscanf)(stream, formats[f], place[0], place[1], place[2], place[3]);
            size_t count = fread(rest[own], 1, sizeof rest[own] - 1, stream);
            rest[own][count] = 0;
            fclose(stream);
          } else {
            matched[own] = (own ? own_sscanf : sscanf)(inputs[i], formats[f], place[0], place[1], place[2], place[3]);
          }
        }
        cases++;
        // What a failed conversion has read of its input is nobody's to rely on, beyond the one character of the standard.
        int same_rest = matched[0] <= 0 || strcmp(rest[0], rest[1]) == 0;
        if (matched[0] == matched[1] && memcmp(places[0], places[1], sizeof places[0]) == 0 && same_rest) continue;
        failures++;
        printf("scanf of '%s' with '%s'%s: %d, and %d by the agent's; rest '%s' and '%s'\n", inputs[i], formats[f],
               from_stream ? " from a stream" : "", matched[0], matched[1], rest[0], rest[1]);
      }
  printf("scanf: %d of %d cases as the C library's\n", cases - failures, cases);
  return failures > 0;
}

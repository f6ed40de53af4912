// scanf for the agent, in place of glibc's, which is a tenth of the binary: libblkid reads numbers and words from /proc and /sys
// with it, and nothing else. Conversions: d i u x n c s [ and %, with a width, *, and h hh l ll j z. Any other conversion matches
// nothing. Floating point, locales and wide characters are what is left out.
#include <ctype.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

// Characters from a stream or a string, one of which can be given back.
struct source {
  FILE *stream;
  const char *text;
  int count;
};

static int next(struct source *source) {
  int character = source->stream ? getc(source->stream) : *source->text ? (unsigned char)*source->text++ : EOF;
  if (character != EOF) source->count++;
  return character;
}

static void give_back(struct source *source, int character) {
  if (character == EOF) return;
  source->count--;
  if (source->stream)
    ungetc(character, source->stream);
  else
    source->text--;
}

static void skip_space(struct source *source) {
  int character;
  do character = next(source);
  while (character != EOF && isspace(character));
  give_back(source, character);
}

static int digit_of(int character) {
  if (character >= '0' && character <= '9') return character - '0';
  if (character >= 'a' && character <= 'f') return character - 'a' + 10;
  if (character >= 'A' && character <= 'F') return character - 'A' + 10;
  return 16;
}

// 1 for a number, 0 when there is none, EOF at the end of the input.
static int read_number(struct source *source, int base, int width, uint64_t *value) {
  int character = next(source);
  if (character == EOF) return EOF;
  int is_negative = character == '-', digits = 0, is_too_large = 0;
  if (character == '-' || character == '+') character = --width > 0 ? next(source) : EOF;
  *value = 0;
  if (character == '0' && width > 1 && (base == 16 || base == 0)) {
    int letter = next(source);
    if (letter == 'x' || letter == 'X') {
      // Like glibc, which takes the zero alone for a number, too.
      digits = 1;
      base = 16;
      character = (width -= 2) > 0 ? next(source) : EOF;
    } else {
      give_back(source, letter);
      if (base == 0) base = 8;
    }
  }
  if (base == 0) base = 10;
  for (; width > 0 && character != EOF && digit_of(character) < base; digits++) {
    is_too_large |= __builtin_mul_overflow(*value, base, value) || __builtin_add_overflow(*value, digit_of(character), value);
    character = --width > 0 ? next(source) : EOF;
  }
  give_back(source, character);
  if (is_negative) *value = -*value;
  if (is_too_large) *value = UINT64_MAX;
  return digits > 0;
}

// Whether a character is in the set of `%[…]`, whose text begins after the bracket and has `length` bytes.
static int is_in_set(int character, const char *set, size_t length) {
  int inverted = *set == '^';
  for (size_t index = inverted; index < length; index++) {
    if (index > (size_t)inverted && set[index] == '-' && index + 1 < length) {
      if (character >= (unsigned char)set[index - 1] && character <= (unsigned char)set[index + 1]) return !inverted;
    } else if ((unsigned char)set[index] == character) {
      return !inverted;
    }
  }
  return inverted;
}

static void store(void *place, char size, uint64_t value) {
  switch (size) {
    case 'H': *(uint8_t *)place = value; break;
    case 'h': *(uint16_t *)place = value; break;
    case 'l': *(uint64_t *)place = value; break;
    default: *(uint32_t *)place = value;
  }
}

static int scan(struct source *source, const char *format, va_list arguments) {
  int matched = 0;
  for (; *format; format++) {
    if (isspace((unsigned char)*format)) {
      skip_space(source);
      continue;
    }
    if (*format != '%') {
      int character = next(source);
      if (character == (unsigned char)*format) continue;
      give_back(source, character);
      return character == EOF && matched == 0 ? EOF : matched;
    }
    int is_dropped = *++format == '*', width = 0;
    format += is_dropped;
    while (isdigit((unsigned char)*format)) width = width * 10 + (*format++ - '0');
    char size = 0;
    for (; *format == 'h' || *format == 'l' || *format == 'j' || *format == 'z'; format++)
      size = *format == 'h' ? (size == 'h' ? 'H' : 'h') : 'l';
    if (*format == 'n') {
      if (!is_dropped) store(va_arg(arguments, void *), size, source->count);
      continue;
    }
    if (*format != 'c' && *format != '[') skip_space(source);
    if (*format == '%') {
      int character = next(source);
      if (character == '%') continue;
      give_back(source, character);
      return character == EOF && matched == 0 ? EOF : matched;
    }
    if (*format == 'd' || *format == 'u' || *format == 'i' || *format == 'x') {
      uint64_t value;
      int base = *format == 'x' ? 16 : *format == 'i' ? 0 : 10;
      int found = read_number(source, base, width ? width : 1 << 30, &value);
      if (found != 1) return found == EOF && matched == 0 ? EOF : matched;
      if (!is_dropped) store(va_arg(arguments, void *), size, value), matched++;
      continue;
    }
    if (*format != 's' && *format != 'c' && *format != '[') return matched;
    char kind = *format;
    const char *set = format + 1;
    if (kind == '[') {
      // A bracket that comes first is a member.
      const char *end = strchr(set + (*set == '^') + 1, ']');
      if (!end) return matched;
      format = end;
    }
    if (width == 0) width = kind == 'c' ? 1 : 1 << 30;
    char *place = is_dropped ? NULL : va_arg(arguments, char *);
    int count = 0, character = 0;
    while (count < width && (character = next(source)) != EOF) {
      if ((kind == 's' && isspace(character)) || (kind == '[' && !is_in_set(character, set, format - set))) {
        give_back(source, character);
        break;
      }
      if (place) place[count] = character;
      count++;
    }
    if (count == 0) return character == EOF && matched == 0 ? EOF : matched;
    if (place) {
      if (kind != 'c') place[count] = 0;
      matched++;
    }
  }
  return matched;
}

#ifndef SCAN_NAME
#define SCAN_NAME(name) __isoc99_##name
#endif

int SCAN_NAME(vsscanf)(const char *text, const char *format, va_list arguments) {
  struct source source = {.text = text};
  return scan(&source, format, arguments);
}

int SCAN_NAME(vfscanf)(FILE *stream, const char *format, va_list arguments) {
  struct source source = {.stream = stream};
  return scan(&source, format, arguments);
}

int SCAN_NAME(sscanf)(const char *text, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  int matched = SCAN_NAME(vsscanf)(text, format, arguments);
  va_end(arguments);
  return matched;
}

int SCAN_NAME(fscanf)(FILE *stream, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  int matched = SCAN_NAME(vfscanf)(stream, format, arguments);
  va_end(arguments);
  return matched;
}

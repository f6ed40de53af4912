// Translations of messages, in place of glibc's: an initrd has none.
char *dcgettext(const char *domain, const char *message, int category) {
  (void)domain;
  (void)category;
  return (char *)message;
}

char *__dcgettext(const char *domain, const char *message, int category) { return dcgettext(domain, message, category); }

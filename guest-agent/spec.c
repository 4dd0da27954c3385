#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>

#include "agent.h"

#define FIELD_HEADER 5
#define GROUPS_MAX (sizeof((struct spec *)0)->groups / sizeof(gid_t))

void spec_free(struct spec *spec) {
  if (spec == NULL) return;
  free(spec->arguments);
  free(spec->environment);
  free(spec->text);
  free(spec);
}

/* False when the field is not known or does not make sense. `value` has a zero byte behind its end. */
static bool take_field(struct spec *spec, uint8_t field, char *value, size_t length) {
  if (field == SPEC_UID || field == SPEC_GID || field == SPEC_GROUP || field == SPEC_ALL_CAPABILITIES) {
    if (length != 4) return false;
    uint32_t number = get32((uint8_t *)value);
    if (field == SPEC_UID || field == SPEC_GID) spec->user_given = true;
    if (field == SPEC_UID) spec->uid = number;
    if (field == SPEC_GID) spec->gid = number;
    if (field == SPEC_ALL_CAPABILITIES) spec->all_capabilities = number != 0;
    if (field == SPEC_GROUP) {
      if (spec->group_count == GROUPS_MAX) return false;
      spec->groups[spec->group_count++] = number;
    }
    return true;
  }
  if (memchr(value, 0, length) != NULL) return false;
  if (field == SPEC_ARGUMENT) spec->arguments[spec->argument_count++] = value;
  else if (field == SPEC_ENVIRONMENT) spec->environment[spec->environment_count++] = value;
  else if (field == SPEC_DIRECTORY) spec->directory = value;
  else if (field == SPEC_HOSTNAME) spec->hostname = value;
  else return false;
  return true;
}

/* Fields are {u8 kind, u32 length, bytes}. Each value is moved over its own header to make room for a zero byte. */
struct spec *spec_read(const uint8_t *bytes, size_t length, const char **reason) {
  struct spec *spec = calloc(1, sizeof *spec);
  size_t pointers = length / FIELD_HEADER + 1;
  if (spec != NULL) {
    spec->arguments = calloc(pointers, sizeof(char *));
    spec->environment = calloc(pointers, sizeof(char *));
    spec->text = malloc(length + 1);
  }
  if (spec == NULL || spec->arguments == NULL || spec->environment == NULL || spec->text == NULL) {
    *reason = "out of memory";
    spec_free(spec);
    return NULL;
  }
  if (length > 0) memcpy(spec->text, bytes, length);
  size_t at = 0;
  while (at < length) {
    if (length - at < FIELD_HEADER) break;
    uint8_t field = (uint8_t)spec->text[at];
    size_t size = get32((uint8_t *)spec->text + at + 1);
    if (size > length - at - FIELD_HEADER) break;
    char *value = spec->text + at;
    memmove(value, value + FIELD_HEADER, size);
    value[size] = 0;
    if (!take_field(spec, field, value, size)) break;
    at += FIELD_HEADER + size;
  }
  if (at < length) {
    *reason = "malformed specification";
    spec_free(spec);
    return NULL;
  }
  return spec;
}

// The bytes of a feed made digestible for an XML parser.
#ifndef SOK_SERVICES_PROVIDERS_XML_REPAIR_H
#define SOK_SERVICES_PROVIDERS_XML_REPAIR_H

#include "base/buf.h"

// Appends the document without byte-order mark and control characters, with HTML's entities as numbers, other
// unknown entities and bare ampersands escaped; CDATA sections and comments keep their ampersands. UTF-16 is
// copied as it is. ret_text is initialised by the caller; false when its limit was hit.
bool sok_xml_repair(const char *bytes, size_t len, struct sok_buf *ret_text);

// The character of an entity's name (without & and ;), XML's five and HTML's; 0 for an unknown one.
int sok_xml_entity_code(const char *name, size_t len);

#endif

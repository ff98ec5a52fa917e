// XML from strangers as a small tree: no document type, no entities but the predefined and HTML's, and a cap
// on everything.
//
// Repairs what feeds really send before expat sees it: control characters, bare ampersands, HTML entities,
// bytes that are not in the declared encoding.
#ifndef SOK_SERVICES_PROVIDERS_XML_H
#define SOK_SERVICES_PROVIDERS_XML_H

#include <stddef.h>

#include "base/arena.h"
#include "base/status.h"

#define SOK_XML_BYTES_MAX ((size_t)8 << 20)
#define SOK_XML_DEPTH_MAX 48
#define SOK_XML_NODES_MAX 200000
#define SOK_XML_ATTRIBUTES_MAX 400000

// All text is UTF-8 in the arena.
struct sok_xml_node {
    const char *name;        // without the prefix
    const char *uri;         // the namespace, "" for none; an undeclared prefix stands for itself
    const char *text;        // its own character data, without that of children; trimmed, never NULL
    const char **attributes; // name (without prefix), value, name, value, ..., NULL
    struct sok_xml_node *child, *next;
};

// Parses the document. SOK_TOO_LARGE over a cap; SOK_PROTOCOL with the reason otherwise (code "html_page"
// when it is a web page, "not_xml" when it is something else, "malformed_xml" with the line). *ret is the
// root.
SOK_MUST_CHECK enum sok_status sok_xml_parse(
    struct sok_arena *arena, const char *bytes, size_t len, struct sok_xml_node **ret, struct sok_error *err);

// The first child of this name (any namespace; case aside), or NULL. `node` may be NULL.
const struct sok_xml_node *sok_xml_child(const struct sok_xml_node *node, const char *name);
const char *sok_xml_child_text(const struct sok_xml_node *node, const char *name); // NULL: absent or empty
const char *sok_xml_attribute(const struct sok_xml_node *node, const char *name);  // case aside; NULL: absent

#endif

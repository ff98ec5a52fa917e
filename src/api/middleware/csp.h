// The content security policies of replies that a browser shows; every other reply has the one of
// net/http_reply.c, under which nothing loads.
#ifndef SOK_API_MIDDLEWARE_CSP_H
#define SOK_API_MIDDLEWARE_CSP_H

// The web interface: nothing inline, everything from this server; only posters are pictures from anywhere
// over TLS.
#define SOK_CSP_PAGE                                                                         \
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' https: data:; " \
    "media-src 'self' blob:; connect-src 'self'; font-src 'self'; manifest-src 'self'; "     \
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

// A film opened by itself: the browser makes a page of its own around it, which loads the same address.
#define SOK_CSP_MEDIA                                                                    \
    "default-src 'none'; media-src 'self'; style-src 'unsafe-inline'; base-uri 'none'; " \
    "form-action 'none'; frame-ancestors 'none'"

// A picture that a stranger sent: it is shown, whatever it says it is.
#define SOK_CSP_PICTURE                                                                    \
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; " \
    "frame-ancestors 'none'; sandbox"

#endif

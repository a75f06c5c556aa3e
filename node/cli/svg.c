#include "node/cli/svg.h"

#include <qrencode.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/secret.h"
#include "node/core/folder.h"

#define WIDTH_MM 105.0 /* A7, lying */
#define HEIGHT_MM 74.0
#define QR_MM 50.0
#define MARGIN_MM 6.0
#define QUIET 4 /* modules that ISO/IEC 18004 wants empty around the code */

static void put_qr(FILE *f, const QRcode *qr)
{
    double module = QR_MM / (qr->width + 2 * QUIET);
    fprintf(f, "<g transform=\"translate(%.3f %.3f) scale(%.5f)\" shape-rendering=\"crispEdges\">\n", MARGIN_MM,
            MARGIN_MM, module);
    fprintf(f, "<path d=\"");
    for (int y = 0; y < qr->width; y++)
        for (int x = 0; x < qr->width; x++)
            if (qr->data[y * qr->width + x] & 1)
                fprintf(f, "M%d %dh1v1h-1z", x + QUIET, y + QUIET);
    fprintf(f, "\" fill=\"#000\"/>\n</g>\n");
}

/* "TSK1:" alone, then groups of four, four to a line. */
static void put_text(FILE *f, const char *text)
{
    double x = 2 * MARGIN_MM + QR_MM, y = MARGIN_MM + 6;
    fprintf(f, "<g font-family=\"monospace\" font-size=\"3.1\" fill=\"#000\">\n"
               "<text x=\"%.1f\" y=\"%.1f\">%.5s</text>\n", x, y, text);
    for (const char *p = text + 5; *p; p += strnlen(p, 16)) {
        size_t n = strnlen(p, 16);
        y += 6;
        fprintf(f, "<text x=\"%.1f\" y=\"%.1f\">", x, y);
        for (size_t i = 0; i < n; i += 4)
            fprintf(f, "%s%.4s", i > 0 ? " " : "", p + i);
        fprintf(f, "</text>\n");
    }
    fprintf(f, "</g>\n");
}

static void put_card(FILE *f, const QRcode *qr, const char *text)
{
    fprintf(f,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0fmm\" "
            "height=\"%.0fmm\" viewBox=\"0 0 %.0f %.0f\">\n<rect width=\"%.0f\" height=\"%.0f\" fill=\"#fff\"/>\n",
            WIDTH_MM, HEIGHT_MM, WIDTH_MM, HEIGHT_MM, WIDTH_MM, HEIGHT_MM);
    put_qr(f, qr);
    put_text(f, text);
    fprintf(f, "<text x=\"%.1f\" y=\"%.1f\" font-family=\"sans-serif\" font-size=\"3.6\">しるし:</text>\n", MARGIN_MM,
            HEIGHT_MM - MARGIN_MM - 1);
    fprintf(f, "<path d=\"M%.1f %.1fh%.1f\" stroke=\"#000\" stroke-width=\"0.2\"/>\n</svg>\n", MARGIN_MM,
            HEIGHT_MM - MARGIN_MM, WIDTH_MM - 2 * MARGIN_MM);
}

enum tsk_err tsk_card_svg(struct tsk_cli *c, const char *path, const char *card_text)
{
    char *svg = NULL;
    size_t n = 0;
    QRcode *qr = QRcode_encodeString(card_text, 0, QR_ECLEVEL_M, QR_MODE_8, 1);
    if (!qr)
        return TSK_E_NOMEM;
    FILE *f = open_memstream(&svg, &n);
    if (f) {
        put_card(f, qr, card_text);
        fclose(f);
    }
    QRcode_free(qr);
    if (!f)
        return TSK_E_NOMEM;
    enum tsk_err e = tsk_file_write(path, (struct tsk_slice){(const uint8_t *)svg, n}, 0600);
    tsk_wipe(svg, n);
    free(svg);
    return e == TSK_OK ? e : tsk_refuse(c, e, "%s", path);
}

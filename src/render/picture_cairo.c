#include "render/picture_cairo.h"

#include <dlfcn.h>
#include <math.h>
#include <string.h>

#define PIXELS_PER_POINT (96 / 72.0)
#define MAX_PIXELS 40e6 /* 160 MB */
#define MAX_SIDE 32000  /* pixels, cairo's limit */
#define MAX_PAGE 14400  /* points, what PDF readers take */

/* --- cairo's interface, as far as it is used --- */

#define FORMAT_RGB24 1
#define HINT_METRICS_OFF 1
#define METADATA_CREATE_DATE 5
#define STATUS_SUCCESS 0
#define STATUS_NO_MEMORY 1
#define STATUS_WRITE_ERROR 11

struct text_extents {
    double x_bearing, y_bearing, width, height, x_advance, y_advance;
};

struct cairo {
    void *(*image_surface_create)(int format, int width, int height);
    void *(*pdf_surface_create)(int (*write)(void *, const unsigned char *, unsigned), void *,
                                double width, double height);
    void *(*ps_surface_create)(int (*write)(void *, const unsigned char *, unsigned), void *,
                               double width, double height);
    void (*pdf_surface_set_metadata)(void *surface, int what, const char *text);
    int (*surface_write_to_png)(void *surface,
                                int (*write)(void *, const unsigned char *, unsigned), void *);
    int (*surface_status)(void *surface);
    void (*surface_finish)(void *surface);
    void (*surface_destroy)(void *surface);
    const char *(*status_to_string)(int status);
    void *(*create)(void *surface);
    void (*destroy)(void *cr);
    int (*status)(void *cr);
    void (*scale)(void *cr, double x, double y);
    void (*translate)(void *cr, double x, double y);
    void (*save)(void *cr);
    void (*restore)(void *cr);
    void (*set_source_rgb)(void *cr, double red, double green, double blue);
    void (*set_line_width)(void *cr, double width);
    void (*set_dash)(void *cr, const double *dashes, int n, double offset);
    void (*move_to)(void *cr, double x, double y);
    void (*line_to)(void *cr, double x, double y);
    void (*curve_to)(void *cr, double x1, double y1, double x2, double y2, double x3, double y3);
    void (*close_path)(void *cr);
    void (*rectangle)(void *cr, double x, double y, double width, double height);
    void (*fill)(void *cr);
    void (*fill_preserve)(void *cr);
    void (*stroke)(void *cr);
    void (*paint)(void *cr);
    void *(*font_options_create)(void);
    void (*font_options_destroy)(void *options);
    void (*font_options_set_hint_metrics)(void *options, int hint);
    void (*set_font_options)(void *cr, const void *options);
    void (*select_font_face)(void *cr, const char *family, int slant, int weight);
    void (*set_font_size)(void *cr, double size);
    void (*text_extents)(void *cr, const char *text, struct text_extents *extents);
    void (*show_text)(void *cr, const char *text);
};

/* In the order of struct cairo. */
static const char *const names[] = {
    "cairo_image_surface_create",
    "cairo_pdf_surface_create_for_stream",
    "cairo_ps_surface_create_for_stream",
    "cairo_pdf_surface_set_metadata",
    "cairo_surface_write_to_png_stream",
    "cairo_surface_status",
    "cairo_surface_finish",
    "cairo_surface_destroy",
    "cairo_status_to_string",
    "cairo_create",
    "cairo_destroy",
    "cairo_status",
    "cairo_scale",
    "cairo_translate",
    "cairo_save",
    "cairo_restore",
    "cairo_set_source_rgb",
    "cairo_set_line_width",
    "cairo_set_dash",
    "cairo_move_to",
    "cairo_line_to",
    "cairo_curve_to",
    "cairo_close_path",
    "cairo_rectangle",
    "cairo_fill",
    "cairo_fill_preserve",
    "cairo_stroke",
    "cairo_paint",
    "cairo_font_options_create",
    "cairo_font_options_destroy",
    "cairo_font_options_set_hint_metrics",
    "cairo_set_font_options",
    "cairo_select_font_face",
    "cairo_set_font_size",
    "cairo_text_extents",
    "cairo_show_text",
};
_Static_assert(sizeof names / sizeof *names == sizeof(struct cairo) / sizeof(void *),
               "a name for each function");

/* Not unloaded: its fonts stay for the next picture. */
static bool load(struct cairo *cairo)
{
    void *handle = dlopen("libcairo.so.2", RTLD_NOW | RTLD_LOCAL);
    for (size_t i = 0; handle && i < sizeof names / sizeof *names; i++) {
        void *function = dlsym(handle, names[i]);
        if (!function)
            return false;
        memcpy((char *)cairo + i * sizeof function, &function, sizeof function);
    }
    return handle != NULL;
}

/* --- drawing --- */

struct canvas {
    const struct cairo *c;
    void *cr;
};

static void set_color(const struct canvas *canvas, uint32_t color)
{
    canvas->c->set_source_rgb(canvas->cr, (color >> 16 & 0xff) / 255.0, (color >> 8 & 0xff) / 255.0,
                              (color & 0xff) / 255.0);
}

/* The text as wide as it was measured, whatever font there is. */
static void draw_line(const struct canvas *canvas, const struct drawing_line *line)
{
    const struct cairo *c = canvas->c;
    struct text_extents extents = {0};
    if (!line->text.len)
        return;
    c->text_extents(canvas->cr, line->text.p, &extents);
    double squeeze = extents.x_advance > 0 ? line->width / extents.x_advance : 1;
    c->save(canvas->cr);
    c->translate(canvas->cr, line->is_centered ? line->x - line->width / 2 : line->x, line->y);
    if (squeeze > 0)
        c->scale(canvas->cr, squeeze, 1);
    c->move_to(canvas->cr, 0, 0);
    c->show_text(canvas->cr, line->text.p);
    c->restore(canvas->cr);
}

static void draw_lines(const struct canvas *canvas, const struct drawing_lines *lines)
{
    set_color(canvas, 0);
    canvas->c->set_font_size(canvas->cr, lines->font_size);
    for (uint32_t i = 0; i < lines->n; i++)
        draw_line(canvas, &lines->lines[i]);
}

static void draw_rect(const struct canvas *canvas, double x, double y, double width, double height,
                      uint32_t fill, uint32_t color)
{
    canvas->c->rectangle(canvas->cr, x, y, width, height);
    set_color(canvas, fill);
    canvas->c->fill_preserve(canvas->cr);
    set_color(canvas, color);
    canvas->c->stroke(canvas->cr);
}

static void draw_path(const struct canvas *canvas, const struct layout_point *points, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        (i ? canvas->c->line_to : canvas->c->move_to)(canvas->cr, points[i].x, points[i].y);
}

static void draw_box(const struct canvas *canvas, const struct drawing *d, uint32_t i)
{
    const struct picture_box *box = &d->picture->boxes[i];
    const struct layout_box *place = &d->layout.boxes[i];
    double x = place->x - place->width / 2, y = place->y - place->height / 2;
    canvas->c->set_line_width(canvas->cr, 1);
    if (box->is_tag) {
        struct layout_point sides[DRAWING_SIDES];
        drawing_sides(place, sides);
        draw_rect(canvas, x, y + DRAWING_TAG_DEPTH, place->width - DRAWING_TAG_DEPTH,
                  place->height - DRAWING_TAG_DEPTH, box->fill, box->color);
        draw_path(canvas, sides, DRAWING_SIDES);
        set_color(canvas, box->fill);
        canvas->c->fill_preserve(canvas->cr);
        set_color(canvas, box->color);
        canvas->c->stroke(canvas->cr);
    } else {
        draw_rect(canvas, x, y, place->width, place->height, box->fill, box->color);
    }
    draw_lines(canvas, &d->box_texts[i]);
}

static void draw_arrow(const struct canvas *canvas, const struct drawing *d, uint32_t i)
{
    static const double dots[] = {1, 5};
    const struct cairo *c = canvas->c;
    const struct picture_arrow *arrow = &d->picture->arrows[d->arrow_of[i]];
    const struct layout_arrow *place = &d->layout.arrows[i];
    const struct layout_point *p = place->points;
    struct layout_point head[3];
    set_color(canvas, arrow->color);
    c->set_line_width(canvas->cr, arrow->width);
    c->set_dash(canvas->cr, dots, arrow->is_dotted ? 2 : 0, 0);
    c->move_to(canvas->cr, p[0].x, p[0].y);
    for (uint32_t k = 1; k + 2 < place->n_points; k += 3)
        c->curve_to(canvas->cr, p[k].x, p[k].y, p[k + 1].x, p[k + 1].y, p[k + 2].x, p[k + 2].y);
    c->stroke(canvas->cr);
    c->set_dash(canvas->cr, dots, 0, 0);
    drawing_head(place, head);
    draw_path(canvas, head, 3);
    c->close_path(canvas->cr);
    c->fill(canvas->cr);
    draw_lines(canvas, &d->arrow_texts[i]);
}

/* Texts get wider in proportion to their size, not to whole pixels. */
static void set_font(const struct canvas *canvas)
{
    const struct cairo *c = canvas->c;
    void *options = c->font_options_create();
    c->font_options_set_hint_metrics(options, HINT_METRICS_OFF);
    c->set_font_options(canvas->cr, options);
    c->font_options_destroy(options);
    c->select_font_face(canvas->cr, "Helvetica", 0, 0);
}

static void draw(const struct canvas *canvas, const struct drawing *d, double scale)
{
    const struct cairo *c = canvas->c;
    set_color(canvas, 0xffffff);
    c->paint(canvas->cr);
    c->scale(canvas->cr, scale, scale);
    c->translate(canvas->cr, DRAWING_PAGE_PAD, DRAWING_PAGE_PAD);
    set_font(canvas);
    c->set_line_width(canvas->cr, 1);
    draw_rect(canvas, d->legend_x, d->legend_y, d->legend_width, d->legend_height, 0xf8f8f8, 0);
    draw_lines(canvas, &d->legend);
    for (uint32_t i = 0; i < d->layout.n_arrows; i++)
        draw_arrow(canvas, d, i);
    for (uint32_t i = 0; i < d->layout.n_boxes; i++)
        draw_box(canvas, d, i);
}

static int write_bytes(void *out, const unsigned char *data, unsigned n)
{
    buf_add(out, data, n);
    return ((struct buf *)out)->failed ? STATUS_WRITE_ERROR : STATUS_SUCCESS;
}

/* A date would make two files of one picture differ. */
static void drop_date(struct buf *out, size_t from)
{
    static const char key[] = "\n%%CreationDate:";
    char *start = memmem(out->data + from, out->len - from, key, sizeof key - 1);
    char *end = start ? memchr(start + 1, '\n', (size_t)(out->data + out->len - start - 1)) : NULL;
    if (!end)
        return;
    memmove(start, end, (size_t)(out->data + out->len - end) + 1);
    out->len -= (size_t)(end - start);
}

bool picture_cairo_write(struct buf *out, const struct drawing *d, enum picture_format format,
                         double *scale, struct err *err)
{
    struct cairo c;
    if (!load(&c))
        return err_set(err, ERR_UNSUPPORTED,
                       "libcairo.so.2 cannot be loaded, which draws pictures but those of -svg "
                       "(package libcairo2)");
    bool is_png = format == PICTURE_PNG;
    double unit = is_png ? PIXELS_PER_POINT : 1;
    double width = (d->width + 2 * DRAWING_PAGE_PAD) * unit,
           height = (d->height + 2 * DRAWING_PAGE_PAD) * unit;
    *scale = fmin(1, (is_png ? MAX_SIDE : MAX_PAGE) / fmax(width, height));
    if (is_png)
        *scale = fmin(*scale, sqrt(MAX_PIXELS / (width * height)));
    width *= *scale;
    height *= *scale;

    size_t start = out->len;
    void *surface = format == PICTURE_PDF ? c.pdf_surface_create(write_bytes, out, width, height)
                    : format == PICTURE_PS
                        ? c.ps_surface_create(write_bytes, out, width, height)
                        : c.image_surface_create(FORMAT_RGB24, (int)ceil(width), (int)ceil(height));
    if (format == PICTURE_PDF)
        c.pdf_surface_set_metadata(surface, METADATA_CREATE_DATE, "");
    struct canvas canvas = {&c, c.create(surface)};
    draw(&canvas, d, *scale * unit);
    int status = c.status(canvas.cr);
    c.destroy(canvas.cr);
    if (is_png && !status)
        status = c.surface_write_to_png(surface, write_bytes, out);
    c.surface_finish(surface);
    if (!status)
        status = c.surface_status(surface);
    c.surface_destroy(surface);
    if (status == STATUS_NO_MEMORY || out->failed)
        return err_nomem(err);
    if (status)
        return err_set(err, ERR_IO, "cairo cannot draw the picture: %s",
                       c.status_to_string(status));
    if (format == PICTURE_PS)
        drop_date(out, start);
    return true;
}

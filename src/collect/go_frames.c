#include "collect/go_frames.h"

#include <string.h>

void go_frames_release(struct go_frames *frames)
{
    for (size_t i = 0; i < frames->images.n; i++) {
        go_code_free(frames->images.items[i].code);
        gopclntab_free(frames->images.items[i].table);
    }
    vec_release(&frames->images);
}

struct go_code *go_frames_code(struct go_frames *frames, const struct image *image)
{
    if (!image || !image->is_go)
        return NULL;
    for (size_t i = 0; i < frames->images.n; i++)
        if (frames->images.items[i].image == image)
            return frames->images.items[i].code;
    struct go_frames_image new = {.image = image, .table = gopclntab_open(image->elf, NULL)};
    if (new.table && gopclntab_has_inlines(new.table)) /* Go 1.18, before it less is known */
        new.code = go_code_new(new.table, 0, NULL);
    if (vec_push(&frames->images, new))
        return new.code;
    go_code_free(new.code);
    gopclntab_free(new.table);
    return NULL;
}

bool go_frames_return(struct go_code *code, uint64_t address, uint64_t *offset)
{
    const struct go_pc *at = go_code_at(code, address);
    if (!at->function || at->sp_delta < 0 || at->function->writes_sp || at->function->is_top)
        return false;
    *offset = (uint64_t)at->sp_delta;
    return true;
}

bool go_frames_hidden(struct go_code *code, uint64_t address, enum go_role *callee)
{
    const struct go_function *function = go_code_at(code, address)->function;
    enum go_role called = *callee;
    *callee = function ? function->role : GO_ROLE_NONE;
    if (!function)
        return false;
    if (function->is_top && strcmp(function->f.name, "runtime.goexit") == 0)
        return true;
    return go_code_is_hidden(function->role, called) &&
           !go_code_call(code, function, address).is_inlined;
}

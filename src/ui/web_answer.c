#include "ui/web_answer.h"

static unsigned status_of(const struct err *err)
{
    return err->code == ERR_USAGE || err->code == ERR_INPUT ? 400 : 500;
}

void web_answer_error(struct web_response *response, unsigned status, const char *text)
{
    buf_clear(&response->body);
    struct json j = {.out = &response->body};
    json_open(&j, '{');
    json_member(&j, "error", str_of(text));
    json_close(&j, '}');
    response->status = status;
    response->type = WEB_ANSWER_TYPE;
}

void web_answer_fail(struct web_response *response, const struct err *err)
{
    web_answer_error(response, status_of(err), err->msg);
}

void web_answer_notes(struct json *j, const struct diag *diag)
{
    json_key(j, "notes");
    json_open(j, '[');
    for (size_t i = 0; i < diag->n; i++)
        json_string(j, str_of(diag->texts[i]));
    json_close(j, ']');
}

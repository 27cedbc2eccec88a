/* plugin: a library to open and close under sampling. */
int plugin_work(int n);

static volatile double sink;

int plugin_work(int n)
{
    double x = 1;
    for (int i = 0; i < n; i++)
        x = x * 1.0000001 + 1e-9;
    sink = x;
    return n % 7;
}

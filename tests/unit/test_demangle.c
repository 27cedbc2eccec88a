/* demangle: the names that pprof shows, by mode. */
#include "unit.h"

#include "sym/demangle.h"

#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    const char *shown[3]; /* default, templates, full */
} cases[] = {
    {"_Z3fooi", {"foo", "foo", "foo(int)"}},
    {"_ZN3foo3barEv", {"foo::bar", "foo::bar", "foo::bar()"}},
    {"_ZNSt6vectorIiSaIiEE9push_backERKi",
     {"std::vector::push_back", "std::vector<int, std::allocator<int> >::push_back",
      "std::vector<int, std::allocator<int> >::push_back(int const&)"}},
    {"_ZSt4sortIN9__gnu_cxx17__normal_iteratorIPiSt6vectorIiSaIiEEEEEvT_S7_",
     {"std::sort",
      "std::sort<__gnu_cxx::__normal_iterator<int*, std::vector<int, std::allocator<int> > > >",
      "void std::sort<__gnu_cxx::__normal_iterator<int*, std::vector<int, std::allocator<int> > > "
      ">(__gnu_cxx::__normal_iterator<int*, std::vector<int, std::allocator<int> > >, "
      "__gnu_cxx::__normal_iterator<int*, std::vector<int, std::allocator<int> > >)"}},
    {"_ZZ4mainENKUliE_clEi",
     {"main::{lambda(int)#1}::operator()", "main::{lambda(int)#1}::operator()",
      "main::{lambda(int)#1}::operator()(int) const"}},
    {"_ZN12_GLOBAL__N_13runEi",
     {"(anonymous namespace)::run", "(anonymous namespace)::run",
      "(anonymous namespace)::run(int)"}},
    {"_ZN4part5storeINS_4itemEE4fillEi.isra.0",
     {"part::store::fill", "part::store<part::item>::fill", "part::store<part::item>::fill(int)"}},
    {"_ZlsRSoRK3foo", {"operator<<", "operator<<", "operator<<(std::ostream&, foo const&)"}},
    {"_ZN1AltERKS_", {"A::operator<", "A::operator<", "A::operator<(A const&)"}},
    {"_ZNK3fooIiEcvbEv",
     {"foo::operator bool", "foo<int>::operator bool", "foo<int>::operator bool() const"}},
    {"_ZTV3foo", {"vtable for foo", "vtable for foo", "vtable for foo"}},
    {"_ZN3fooC1Ev", {"foo::foo", "foo::foo", "foo::foo()"}},
    {"_ZN3fooD0Ev", {"foo::~foo", "foo::~foo", "foo::~foo()"}},
    {"_ZZN3foo3barEvE5local", {"foo::bar()::local", "foo::bar()::local", "foo::bar()::local"}},
    {"_ZN4core3ptr13drop_in_place17h0123456789abcdefE",
     {"core::ptr::drop_in_place", "core::ptr::drop_in_place", "core::ptr::drop_in_place"}},
    {"_ZN71_$LT$alloc..vec..Vec$LT$T$GT$$u20$as$u20$core..ops..drop..Drop$GT$"
     "4drop17hf3b2c1d0e9a87654E",
     {"<alloc::vec::Vec<T> as core::ops::drop::Drop>4drop",
      "<alloc::vec::Vec<T> as core::ops::drop::Drop>4drop",
      "<alloc::vec::Vec<T> as core::ops::drop::Drop>4drop"}},
    {"_RNvC7mycrate3foo", {"mycrate::foo", "mycrate::foo", "mycrate::foo"}},
    {"_RINvNtC3std3mem8align_ofdE",
     {"std::mem::align_of::<>", "std::mem::align_of::<f64>", "std::mem::align_of::<f64>"}},
    {"_RNvMs_NtC7mycrate3modNtB4_3Foo3bar",
     {"<mycrate::mod::Foo>::bar", "<mycrate::mod::Foo>::bar", "<mycrate::mod::Foo>::bar"}},
    {"_RNvXCs_1aINtB2_3FoojENtB2_5Trait3run",
     {"<a::Foo<> as a::Trait>::run", "<a::Foo<usize> as a::Trait>::run",
      "<a::Foo<usize> as a::Trait>::run"}},
    {"_RNvXs0_NtNtNtCsgEmfK2I1SDS_4core3ops8function5implsRDINtB7_2FnuEp6OutputlNtNtBb_6marker"
     "4SyncEL_INtB7_6FnOnceuE9call_onceCsjrHSEGnQ3l9_3std",
     {"<&dyn core::ops::function::Fn<, Output = i32> + core::marker::Sync as "
      "core::ops::function::FnOnce<>>::call_once",
      "<&dyn core::ops::function::Fn<(), Output = i32> + core::marker::Sync as "
      "core::ops::function::FnOnce<()>>::call_once",
      "<&dyn core::ops::function::Fn<(), Output = i32> + core::marker::Sync as "
      "core::ops::function::FnOnce<()>>::call_once"}},
    {"main.main", {"main.main", "main.main", "main.main"}},
    {"runtime.mallocgc", {"runtime.mallocgc", "runtime.mallocgc", "runtime.mallocgc"}},
    {"main.(*T[...]).Method",
     {"main.(*T[...]).Method", "main.(*T[...]).Method", "main.(*T[...]).Method"}},
    {"main.Map[go.shape.int]",
     {"main.Map[go.shape.int]", "main.Map[go.shape.int]", "main.Map[go.shape.int]"}},
    {"foo::bar<int>(char const*)", {"foo::bar", "foo::bar<int>", "foo::bar<int>(char const*)"}},
    {"java.lang.Object.<init>",
     {"java.lang.Object.<init>", "java.lang.Object.<init>", "java.lang.Object.<init>"}},
    {"operator<", {"operator<", "operator<", "operator<"}},
    {"_start", {"_start", "_start", "_start"}},
    {"memcpy@plt", {"memcpy@plt", "memcpy@plt", "memcpy@plt"}},
    {"_Znwm", {"operator new", "operator new", "operator new(unsigned long)"}},
    {"_Zbroken", {"_Zbroken", "_Zbroken", "_Zbroken"}},
    {"__Z3fooi", {"foo", "foo", "foo(int)"}},
    {"\?foo@@YAXH@Z", {"\?foo@@YAXH@Z", "\?foo@@YAXH@Z", "\?foo@@YAXH@Z"}},
};

static void as_pprof_shows_them(void **state)
{
    struct buf out = {0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (int mode = DEMANGLE_DEFAULT; mode <= DEMANGLE_FULL; mode++) {
            demangle(cases[i].name, (enum demangle_mode)mode, &out);
            assert_string_equal(buf_str(&out), cases[i].shown[mode]);
        }
        demangle(cases[i].name, DEMANGLE_NONE, &out);
        assert_string_equal(buf_str(&out), cases[i].name);
    }
    buf_release(&out);
}

/* Substitutions that double, brackets without end, names of a megabyte. */
static void hostile_names_end(void **state)
{
    struct buf out = {0};
    char *name = malloc((1 << 20) + 1);
    assert_non_null(name);
    static const char *const repeated[] = {"<", "(", ">", "operator<", "P", "IS_", "1aI", "$LT$"};
    static const char *const starts[] = {"", "_Z", "_ZN", "_R", "_ZN1aI", "a<"};
    for (size_t i = 0; i < sizeof repeated / sizeof *repeated; i++) {
        for (size_t k = 0; k < sizeof starts / sizeof *starts; k++) {
            size_t n = strlen(starts[k]), step = strlen(repeated[i]);
            memcpy(name, starts[k], n);
            for (; n + step <= 1000; n += step)
                memcpy(name + n, repeated[i], step);
            name[n] = '\0';
            demangle(name, DEMANGLE_DEFAULT, &out);
            demangle(name, DEMANGLE_FULL, &out);
            assert_false(out.failed);
        }
    }
    memset(name, 'a', 1 << 20);
    name[1 << 20] = '\0';
    demangle(name, DEMANGLE_DEFAULT, &out);
    assert_int_equal(out.len, 1 << 20);
    demangle("", DEMANGLE_DEFAULT, &out);
    assert_int_equal(out.len, 0);
    free(name);
    buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_pprof_shows_them),
        cmocka_unit_test(hostile_names_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

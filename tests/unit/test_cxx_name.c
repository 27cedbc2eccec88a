#include "agent/cxx_name.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What __cxa_demangle says of them, but where a comment says otherwise. */
static const struct {
    const char *name, *readable;
} known[] = {
    {"_Z1fv", "f()"},
    {"_ZN1A1B3fooEiPKc", "A::B::foo(int, char const*)"},
    {"_ZNK1A3getEv", "A::get() const"},
    {"_ZNO1A3getEv", "A::get() &&"},
    {"_ZN1AC2EOS_", "A::A(A&&)"},
    {"_ZN1AIiED2Ev", "A<int>::~A()"},
    {"_ZNSsC1Ev",
     "std::basic_string<char, std::char_traits<char>, std::allocator<char> >::basic_string()"},
    {"_ZNSt6vectorISsSaISsEE3endEv",
     "std::vector<std::string, std::allocator<std::string> >::end()"},
    {"_ZN1A3fooB5cxx11Ev", "A::foo[abi:cxx11]()"},
    {"_ZN12_GLOBAL__N_13barEd", "(anonymous namespace)::bar(double)"},
    {"_ZStlsISt11char_traitsIcEERSt13basic_ostreamIcT_ES5_PKc",
     "std::basic_ostream<char, std::char_traits<char> >& std::operator<< <std::char_traits<char> "
     ">(std::basic_ostream<char, std::char_traits<char> >&, char const*)"},
    {"_ZN1AcvT_IiEEv", "A::operator int<int>()"},
    {"_ZNK1AIdEcvbEv", "A<double>::operator bool() const"},
    {"_ZnwmRKSt9nothrow_t", "operator new(unsigned long, std::nothrow_t const&)"},
    {"_ZdaPv", "operator delete[](void*)"},
    {"_Zli2_xy", "operator\"\" _x(unsigned long long)"},
    {"_ZN1AclEi", "A::operator()(int)"},
    {"_ZN1AixEm", "A::operator[](unsigned long)"},
    {"_ZN1AptEv", "A::operator->()"},
    {"_ZN1AssERKS_", "A::operator<=>(A const&)"},
    {"_Z3fooIiEvT_", "void foo<int>(int)"},
    {"_Z3fooIiEPFvvET_", "void (*foo<int>(int))()"},
    {"_Z1fIJidEEvDpOT_", "void f<int, double>(int&&, double&&)"},
    {"_Z1fIJEEvDpOT_", "void f<>()"},
    {"_Z1fIJilEEvSt5tupleIJDpT_EE", "void f<int, long>(std::tuple<int, long>)"},
    {"_Z1fILi5ELj6ELln7ELb1ELc65EEvv", "void f<5, 6u, -7l, true, (char)65>()"},
    {"_Z1fILDn0EL3Foo2EEvv", "void f<(decltype(nullptr))0, (Foo)2>()"},
    {"_Z1fI1AIS0_IiEEEvv", "void f<A<A<int> > >()"},
    {"_Z1fPA3_A4_i", "f(int (*) [3][4])"},
    {"_Z1fRA3_Ki", "f(int const (&) [3])"},
    {"_Z1fPFPFvvEiE", "f(void (*(*)(int))())"},
    {"_Z1fM1AKFviEMS_i", "f(void (A::*)(int) const, int A::*)"},
    {"_Z1fIRiEvOT_", "void f<int&>(int&)"},
    {"_Z1fIKiEvPKT_", "void f<int const>(int const*)"},
    {"_Z1fPVKcPrS_", "f(char const volatile*, char const volatile restrict*)"},
    {"_Z1fDnz", "f(decltype(nullptr), ...)"},
    /* there not at all */
    {"_Z1fDv4_fDF16_", "f(float __vector(4), _Float16)"},
    {"_Z1fU8__vectorf", "f(float __vector)"},
    {"_ZZ3fooIiEvT_E1x", "foo<int>(int)::x"},
    {"_ZZ3fooIiEvT_ENKUlvE_clEv", "foo<int>(int)::{lambda()#1}::operator()() const"},
    {"_ZZ1fvENKUlT_E_clIiEEDaS_", "auto f()::{lambda(auto:1)#1}::operator()<int>(int) const"},
    {"_ZZ1fvENKUliE0_clEi", "f()::{lambda(int)#2}::operator()(int) const"},
    /* there "::f()" */
    {"_ZZN1A1fEvENUt0_C1Ev", "A::f()::{unnamed type#2}::{unnamed type#2}()"},
    {"_ZZN1A1gEiEd_NKUlvE_clEv", "A::g(int)::{default arg#1}::{lambda()#1}::operator()() const"},
    {"_ZZ1fvE1x_0", "f()::x"},
    {"_ZTV1A", "vtable for A"},
    {"_ZTI1A", "typeinfo for A"},
    {"_ZTv0_n24_NSt14basic_iostreamIwSt11char_traitsIwEED0Ev",
     "virtual thunk to std::basic_iostream<wchar_t, std::char_traits<wchar_t> "
     ">::~basic_iostream()"},
    {"_ZThn8_N1B1fEv", "non-virtual thunk to B::f()"},
    {"_ZTCSd0_Si", "construction vtable for std::istream-in-std::iostream"},
    {"_ZGVZ1fvE1x", "guard variable for f()::x"},
    {"_ZTW1x", "TLS wrapper function for x"},
    {"_Z1fv.part.0", "f() [clone .part.0]"},
    {"_Z1fv.isra.0.cold", "f() [clone .isra.0] [clone .cold]"},
    {"_Z1fIXadL_ZN1A1gEvEEEvv", "void f<&A::g>()"},
    {"_Z1fDTplfp_fp0_E", "f(decltype ({parm#1}+{parm#2}))"},
    {"_ZN1A1fIiEENSt9enable_ifIXsr7is_goodIT_EE5valueEvE4typeES2_",
     "std::enable_if<is_good<int>::value, void>::type A::f<int>(int)"},
    {"_ZN1A1fIiEEDTcl1gIT_Ecvbfp_EES1_", "decltype ((g<int>)((bool){parm#1})) A::f<int>(int)"},
    {"_ZN1A1gIiEEvDTcl1hfp_EE", "void A::g<int>(decltype (h({parm#1})))"},
    {"_Z1fIJ1A1BEEvNS_1CIXsZT_EEE", "void f<A, B>(f::C<2>)"},
    {"_Z1fI1AEvNT_4typeEDTcmdtfp_1gLi1EE", "void f<A>(A::type, decltype (({parm#1}.g),(1)))"},
    {"_ZN9__gnu_cxx11char_traitsIcE2eqERKcS3_",
     "__gnu_cxx::char_traits<char>::eq(char const&, char const&)"},
    {"_ZNKSt8functionIFvP1AiEEclES1_i", "std::function<void (A*, int)>::operator()(A*, int) const"},
    {"_ZSt4swapIiENSt9enable_ifIXsrSt6__and_IJSt6__not_ISt15__is_tuple_likeIT_EESt21is_move_"
     "constructibleIS4_ESt18is_move_assignableIS4_EEE5valueEvE4typeERS4_SE_",
     "std::enable_if<std::__and_<std::__not_<std::__is_tuple_like<int> >, "
     "std::is_move_constructible<int>, std::is_move_assignable<int> >::value, void>::type "
     "std::swap<int>(int&, int&)"},
    /* Rust's older scheme: without the hash */
    {"_ZN4core3fmt5Write9write_fmt17h0123456789abcdefE", "core::fmt::Write::write_fmt"},
    {"_ZN4core3fmt17h0123456789abcdefE.llvm.4141525674989563733", "core::fmt"},
    {"_ZN48_$LT$std..io..Stdin$u20$as$u20$std..io..Read$GT$4read17h3f2a6b9c0d1e5f78E",
     "<std::io::Stdin as std::io::Read>::read"},
    {"_ZN1a28_$u7b$$u7b$closure$u7d$$u7d$17h3f2a6b9c0d1e5f78E", "a::{{closure}}"},
};

static const char *const no_names[] = {
    "",
    "main",
    "_Z",
    "_ZN",
    "_Z1",
    "_Z3fo",
    "_Z99999999999999999999fv",
    "_ZNE",
    "_ZNSt",
    "_ZNStE",
    "_ZS_",
    "_ZN1AS_E",
    "_Z1fT_",
    "_Z1fIiEvT0_",
    "_Z1fIi",
    "_Z1fv.",
    "_ZL3foo.1",
    "_ZTVvvvv",
    "_Z1fA",
    "_ZC1Ev",
    "_ZN1C1Ev",
    "_Z1fIXcvEEvv",
    "_ZN4core3fmt5Write9write_fmt17h0123456789abcdef.",
};

static void *scratch(void)
{
    void *s = malloc(cxx_name_scratch_bytes());
    assert_non_null(s);
    return s;
}

static void test_known(void **state)
{
    char out[1000];
    void *s = scratch();
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (!cxx_name(s, known[i].name, out, sizeof out))
            fail_msg("%s: not read", known[i].name);
        if (strcmp(out, known[i].readable) != 0)
            fail_msg("%s: %s", known[i].name, out);
    }
    free(s);
}

static void test_no_names(void **state)
{
    char out[1000];
    void *s = scratch();
    for (size_t i = 0; i < sizeof no_names / sizeof *no_names; i++)
        if (cxx_name(s, no_names[i], out, sizeof out))
            fail_msg("%s: %s", no_names[i], out);
    free(s);
}

/* Neither what is cut off nor too little room is read or written past its end. */
static void test_parts(void **state)
{
    void *s = scratch();
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        size_t n = strlen(known[i].name), n_out = strlen(known[i].readable);
        for (size_t part = 0; part <= n; part++) {
            char *name = strndup(known[i].name, part), *out = malloc(1000);
            assert_true(name && out);
            cxx_name(s, name, out, 1000);
            free(name);
            free(out);
        }
        /* two characters may be taken back: a comma after which nothing comes */
        for (size_t size = 0; size <= n_out + 3; size++) {
            char *out = malloc(size ? size : 1);
            assert_non_null(out);
            bool ok = cxx_name(s, known[i].name, out, size);
            assert_true(size <= n_out ? !ok : ok || size < n_out + 3);
            free(out);
        }
    }
    free(s);
}

/* Names whose text would double with each of their parts, or that are very deep. */
static void test_too_long(void **state)
{
    static char name[200000], out[16384];
    void *s = scratch();
    size_t n = (size_t)sprintf(name, "_Z1f1AIiiE");
    for (const char *c = "0123456789ABCDEFGHIJKLMNOPQRSTUV"; *c; c++) {
        n += (size_t)sprintf(name + n, "S_IS%c_S%c_E", *c, *c);
        assert_int_equal(cxx_name(s, name, out, sizeof out), *c < '8');
    }
    strcpy(name, "_Z1fDpJ");
    memset(name + 7, 'J', 30000);
    assert_false(cxx_name(s, name, out, sizeof out));
    for (const char *c = "PRKNZIAFMXLTSUD"; *c; c++) {
        strcpy(name, "_Z1f");
        memset(name + 4, *c, 190000);
        assert_false(cxx_name(s, name, out, sizeof out));
        name[30000] = '\0';
        assert_false(cxx_name(s, name, out, sizeof out));
        memset(name, 0, sizeof name);
    }
    strcpy(name, "_Z1fI");
    for (int i = 0; i < 2000; i++)
        strcat(name, "Xsr3FooIT_");
    assert_false(cxx_name(s, name, out, sizeof out));
    free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known),
        cmocka_unit_test(test_no_names),
        cmocka_unit_test(test_parts),
        cmocka_unit_test(test_too_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

# Code whose bytes do not depend on a compiler.  Lines and values: run.py.
	.text
	.globl	start, hot, hot_alias, _ZN3Foo3barEi
	.type	start, @function
start:
	call	hot
	call	_ZN3Foo3barEi
	lock incl counter(%rip)
	ret
	.size	start, .-start

	.type	hot, @function
	.type	hot_alias, @function
hot:
hot_alias:
	xorl	%eax, %eax
.Lagain:
	addl	$1, %eax
	movq	%rax, 0x11223344(%r11,%r12,8)
	cmpl	$1000, %eax
	jne	.Lagain
	ret
	.size	hot, .-hot
	.size	hot_alias, .-hot_alias

	.type	_ZN3Foo3barEi, @function
_ZN3Foo3barEi:
	jmp	hot
	.size	_ZN3Foo3barEi, .-_ZN3Foo3barEi
	.data
	.type	counter, @object
counter:
	.long	0
	.size	counter, 4

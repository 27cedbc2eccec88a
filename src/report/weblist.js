// A click on a line shows or hides its machine code, which is the element behind it.
function pprof_toggle_asm(event) {
  const line = event.target.closest('.livesrc');
  const asm = line && line.nextElementSibling;
  if (asm && asm.classList.contains('asm')) asm.classList.toggle('open');
}

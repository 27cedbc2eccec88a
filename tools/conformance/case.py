"""What is tried: a command line, or a script for the shell."""
import shlex

OUT = "@OUT@"  # stands for a fresh path in a command line


class Case:
    """`report`, `option` (the text of all options) and `inputs` (names) are what excuses
    and filters look at; `args` is the command line, run in `folder`; `script` the lines
    that the shell gets."""

    def __init__(self, report, option, inputs, folder, args, script=None):
        self.report, self.option, self.inputs = report, option, inputs
        self.folder, self.args, self.script = folder, args, script

    def __str__(self):
        text = f"pprof {shlex.join(self.args)}"
        if self.script is not None:
            text += " <<< " + " ; ".join(self.script)
        return text

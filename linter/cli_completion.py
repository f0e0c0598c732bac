"""`npulint completion`: what a shell needs to complete npulint's words."""

from __future__ import annotations

import click

from npulint.terminal import EXIT_OK, deliver

SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(context: click.Context, shell: str) -> int:
    """Print the script by which a shell completes commands, options and names."""
    from click.shell_completion import get_completion_class

    script = get_completion_class(shell)
    if script is None:
        raise click.UsageError(f"click has no completion for {shell}")
    root = context.find_root()
    deliver(script(root.command, {}, "npulint", "_NPULINT_COMPLETE").source() + "\n", None)
    return EXIT_OK

# Completion of calicoctl for fish. In ~/.config/fish/config.fish:
#
#     calicoctl completion fish | source

function __calicoctl_candidates
    set -l words (commandline -opc)
    set -e words[1]
    set -l token (commandline -ct)
    # Without its quotes; where one is still open, as it is.
    set -l prefix (string unescape -- "$token"; or printf '%s' "$token")
    set -l found (command calicoctl __complete $words "$prefix" 2>/dev/null)
    if string match -q -- ':files*' "$found[1]"
        set -l fixed (string split -m 1 \t -- "$found[1]")[2]
        set -l path (string sub -s (math (string length -- "$fixed") + 1) -- "$prefix")
        for file in (__fish_complete_path "$path")
            printf '%s\n' "$fixed$file"
        end
    else
        printf '%s\n' $found
    end
end

complete -c calicoctl -f -a '(__calicoctl_candidates)'

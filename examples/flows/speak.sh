#!/bin/sh
# Makes the prompts of the examples again from their texts: sh examples/flows/speak.sh
# Needs Debian's espeak-ng and opus-tools. Ogg Opus, mono, 20 ms packets: a call plays them as they are.
set -eu
cd "$(dirname "$0")"
for texts in */prompts/texts.tsv; do
  folder=$(dirname "$texts")
  while IFS="	" read -r name text; do
    printf '%s' "$text" | espeak-ng -v en-gb -s 160 -a 140 --stdin --stdout |
      opusenc --quiet --ignorelength --speech --bitrate 14 --framesize 20 --comp 10 --serial 1 \
        --discard-comments - "$folder/$name.ogg"
  done <"$texts"
done

#!/bin/sh
# Stands for Python where the process of a run starts a task. A task of the foreach is finished at
# once: it was saved before, in the run prepared-$WIDTH. Any other task is started.
split='' run='' task='' option=''
for each; do
    case $option in
    --split-index) split=$each ;;
    --run-id) run=$each ;;
    --task-id) task=$each ;;
    esac
    option=$each
done
[ -n "$split" ] || exec "$PYTHON" "$@"
exec cp ".metaflow/Foreach/prepared-$WIDTH/work/$split"/0.* ".metaflow/Foreach/$run/work/$task/"

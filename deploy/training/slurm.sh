#!/bin/bash
# Two machines that train one model, one process on each: sbatch slurm.sh
#
# The program finds its cluster by SlurmClusterResolver. Two minutes before its time is up, or when
# the machines are taken away, it gets SIGTERM, saves the step it is at and ends with code 75; then
# the job queues again and goes on from there. When a process dies all are ended; sbatch --requeue
# and the last backup do the rest.
#SBATCH --job-name=train
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --gpus-per-node=8
#SBATCH --cpus-per-task=16
#SBATCH --time=24:00:00
#SBATCH --signal=TERM@120
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=train-%j.log

set -uo pipefail

AGAIN=75
PROGRAM=${PROGRAM:-train.py}
BACKUP=${BACKUP:-$PWD/backup}

srun --kill-on-bad-exit=1 --label python -u "$PROGRAM" --backup "$BACKUP" "$@"
code=$?
if [ "$code" -eq "$AGAIN" ]; then
    scontrol requeue "$SLURM_JOB_ID"
fi
exit "$code"

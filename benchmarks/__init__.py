"""What is measured: one module for each topic.

Importing the package takes control of this process's environment, before any module imports
metaflow: settings of the person who measures must not reach the measurement.
"""

from benchmarks.surroundings import take_control

take_control()

"""What is measured: one module for each topic.

Importing the package takes control of this process's environment, before any module imports
metaflow: settings of the person who measures must not reach the measurement.
"""

from benchmarks.support.declarations import export_declarations
from benchmarks.support.environment import take_control

take_control()
export_declarations()

// Makes the class a plugin. The id is the name of the library: my-plugin.so.

#include "my_plugin.hpp"

GANTRY_PLUGIN(my_plugin::MyPlugin, .id = "my-plugin", .version = "0.1.0",
              .summary = "Rejects messages without a given property, and marks those that have it.",
              .options = my_plugin::options)

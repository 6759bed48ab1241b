#!/usr/bin/env python3
"""Concern: the room check finds forbidden includes and nothing else, and refuses rules that contradict themselves."""
import unittest

from check_rooms import RuleError, Rules, check_text

RULES = """
set(GANTRY_ROOMS
  "sdk/abi <-"
  "sdk/cpp <- sdk/abi"
  "protocol <- sdk/cpp"
  "kernel/base <- sdk/cpp"
  "kernel/net <- kernel/base protocol"
  "kernel <- kernel/base kernel/net"
  "plugins/* <- protocol sdk/abi sdk/cpp"
  "tests/support <- kernel/base"
  "tests <- *"
)
set(GANTRY_THIRD_PARTY
  "boost/asio <- kernel/net"
  "toml++/ <- kernel/base"
)
"""


def findings(path, *includes):
    return check_text(Rules.parse(RULES), path, "".join(f"#include {include}\n" for include in includes))


class CheckRooms(unittest.TestCase):
    def test_forbidden_room_names_line_room_and_what_is_allowed(self):
        found = findings("protocol/frame.cpp", "<vector>", '"kernel/base/log.hpp"')
        self.assertEqual(found, [(2, "room protocol includes kernel/base/log.hpp of kernel/base; "
                                     "it may include: sdk/cpp")])

    def test_own_room_and_listed_rooms_are_allowed(self):
        self.assertEqual(findings("kernel/net/a.cpp", '"kernel/net/a.hpp"', '"kernel/base/log.hpp"', '"a.hpp"', "<map>"), [])

    def test_the_longest_room_wins(self):
        self.assertEqual(len(findings("kernel/base/a.cpp", '"kernel/net/a.hpp"')), 1)
        self.assertEqual(findings("kernel/kernel.cpp", '"kernel/net/a.hpp"'), [])

    def test_plugins_see_neither_the_kernel_nor_each_other(self):
        self.assertEqual(len(findings("plugins/a/x.cpp", '"kernel/base/log.hpp"')), 1)
        self.assertEqual(len(findings("plugins/a/x.cpp", '"plugins/b/y.hpp"')), 1)
        self.assertEqual(findings("plugins/a/x.cpp", '"plugins/a/y.hpp"', '"gantry/sdk/store.hpp"', "<gantry/abi/types.h>"), [])

    def test_third_party_belongs_to_its_owner(self):
        self.assertEqual(len(findings("kernel/base/a.cpp", "<boost/asio.hpp>")), 1)
        self.assertEqual(findings("kernel/net/a.cpp", "<boost/asio.hpp>"), [])
        self.assertEqual(len(findings("kernel/net/a.cpp", "<toml++/toml.h>")), 1)

    def test_boost_without_an_owner_is_refused(self):
        self.assertIn("no room owns", findings("kernel/base/a.cpp", "<boost/spirit.hpp>")[0][1])
        self.assertEqual(findings("kernel/net/a.cpp", "<boost/system/error_code.hpp>"), [])  # comes along with Asio

    def test_spaces_and_climbing_paths_do_not_hide_an_include(self):
        self.assertEqual(len(findings("protocol/a.cpp", ' "kernel/base/log.hpp"')), 1)
        self.assertEqual(len(check_text(Rules.parse(RULES), "protocol/a.cpp", '  #  include  "kernel/base/log.hpp"\n')), 1)
        self.assertEqual(len(findings("protocol/a.cpp", '"../kernel/base/log.hpp"')), 1)

    def test_tests_may_use_helpers_but_not_other_rooms(self):
        self.assertEqual(findings("protocol/a_test.cpp", '"tests/support/x.hpp"'), [])
        self.assertEqual(len(findings("protocol/a_test.cpp", '"kernel/base/log.hpp"')), 1)
        self.assertEqual(len(findings("protocol/a.cpp", '"tests/support/x.hpp"')), 1)
        self.assertEqual(findings("tests/e2e/a.cpp", '"kernel/net/a.hpp"', "<boost/asio.hpp>"), [])

    def test_cycles_unknown_rooms_and_doubles_are_refused(self):
        for bad in ('"a <- b"\n"b <- a"', '"a <- nowhere"', '"a <-"\n"a <-"', "nonsense"):
            with self.assertRaises(RuleError):
                Rules.parse(f"set(GANTRY_ROOMS\n{bad}\n)\n")


if __name__ == "__main__":
    unittest.main()

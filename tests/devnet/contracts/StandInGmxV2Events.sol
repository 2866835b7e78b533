// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.10;

/// @notice Stands in for the EventEmitter of GMX V2, which emits every event as lists of named values.
/// @dev Types are those of the real event, from its ABI: its topic depends on them.
contract StandInGmxV2Events {
    struct NamedAddress {
        string key;
        address value;
    }
    struct NamedAddresses {
        string key;
        address[] value;
    }
    struct Addresses {
        NamedAddress[] items;
        NamedAddresses[] arrayItems;
    }
    struct NamedUint {
        string key;
        uint256 value;
    }
    struct NamedUints {
        string key;
        uint256[] value;
    }
    struct Uints {
        NamedUint[] items;
        NamedUints[] arrayItems;
    }
    struct NamedInt {
        string key;
        int256 value;
    }
    struct NamedInts {
        string key;
        int256[] value;
    }
    struct Ints {
        NamedInt[] items;
        NamedInts[] arrayItems;
    }
    struct NamedBool {
        string key;
        bool value;
    }
    struct NamedBools {
        string key;
        bool[] value;
    }
    struct Bools {
        NamedBool[] items;
        NamedBools[] arrayItems;
    }
    struct NamedWord {
        string key;
        bytes32 value;
    }
    struct NamedWords {
        string key;
        bytes32[] value;
    }
    struct Words {
        NamedWord[] items;
        NamedWords[] arrayItems;
    }
    struct NamedBytes {
        string key;
        bytes value;
    }
    struct NamedBytesList {
        string key;
        bytes[] value;
    }
    struct BytesItems {
        NamedBytes[] items;
        NamedBytesList[] arrayItems;
    }
    struct NamedText {
        string key;
        string value;
    }
    struct NamedTexts {
        string key;
        string[] value;
    }
    struct Texts {
        NamedText[] items;
        NamedTexts[] arrayItems;
    }
    struct EventLogData {
        Addresses addressItems;
        Uints uintItems;
        Ints intItems;
        Bools boolItems;
        Words bytes32Items;
        BytesItems bytesItems;
        Texts stringItems;
    }

    event EventLog1(
        address msgSender,
        string eventName,
        string indexed eventNameHash,
        bytes32 indexed topic1,
        EventLogData eventData
    );

    /// @notice Tell of an account's event with three addresses and four numbers, as that of claimable collateral has.
    function tell(
        string calldata name,
        address account,
        string[] calldata names,
        address[] calldata addresses,
        uint256[] calldata numbers
    ) external {
        EventLogData memory data;
        data.addressItems.items = new NamedAddress[](addresses.length);
        for (uint256 i = 0; i < addresses.length; i++) {
            data.addressItems.items[i] = NamedAddress(names[i], addresses[i]);
        }
        data.uintItems.items = new NamedUint[](numbers.length);
        for (uint256 i = 0; i < numbers.length; i++) {
            data.uintItems.items[i] = NamedUint(names[addresses.length + i], numbers[i]);
        }
        emit EventLog1(msg.sender, name, name, bytes32(uint256(uint160(account))), data);
    }
}
